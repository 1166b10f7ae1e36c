"""The repository of sessions."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, bindparam, delete, select, update

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.session import Session
from domain.ports import store as ports

sessions = entity_table(
    "sessions",
    Session,
    ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], ondelete="CASCADE"),
)
Index("sessions_digest", sessions.c.digest, unique=True)
list_indexes(sessions, "api_key_id created_at id", "expires_at")

_BY_DIGEST = select(sessions).where(sessions.c.digest == bindparam("digest"))


class Sessions(Repository[Session], ports.Sessions):
    """Sessions, found by the digest of their cookie."""

    table = sessions
    entity = Session
    filters = frozenset({"api_key_id"})
    sorts = frozenset({"created_at", "last_seen_at"})

    def by_digest(self, digest: str) -> Session | None:
        """The session whose cookie has this digest."""
        return self._fetch_one(_BY_DIGEST, digest=digest)

    def seen(self, session_id: str, at: datetime, ip: str) -> None:
        """Set where and when it was last seen; the revision stays."""
        last = update(self.table).where(self.table.c.id == session_id)
        self._write(last.values(last_seen_at=at, ip=ip))

    def remove_of(self, api_key_id: str, but: str | None = None) -> None:
        """Remove all sessions of a key but one."""
        others = delete(self.table).where(self.table.c.api_key_id == api_key_id)
        self._write(others if but is None else others.where(self.table.c.id != but))

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""
        self._write(delete(self.table).where(self.table.c.expires_at <= now))
