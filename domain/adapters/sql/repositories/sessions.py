"""The repository of sessions."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, bindparam, delete, or_, select, update

from domain.adapters.sql.repositories.api_keys import api_keys
from domain.adapters.sql.repositories.users import users
from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.principal import PrincipalKind
from domain.model.session import Session
from domain.ports.repositories import sessions as ports

sessions = entity_table(
    "sessions",
    Session,
    ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
    CheckConstraint("(api_key_id IS NULL) <> (user_id IS NULL)", name="sessions_principal"),
)
Index("sessions_digest", sessions.c.digest, unique=True)
list_indexes(sessions, "api_key_id created_at id", "user_id created_at id", "expires_at", "provider_session_id")

_BY_DIGEST = select(sessions).where(sessions.c.digest == bindparam("digest"))


class Sessions(Repository[Session], ports.Sessions):
    """Sessions, found by the digest of their cookie."""

    table = sessions
    entity = Session
    filters = frozenset({"api_key_id", "api_key_digest", "user_id"})
    sorts = frozenset({"created_at", "last_seen_at"})

    def by_digest(self, digest: str) -> Session | None:
        """Return the session whose cookie has this digest."""
        return self._fetch_one(_BY_DIGEST, digest=digest)

    def record_use(self, session_id: str, at: datetime, ip: str) -> None:
        """Set when and from where the session was last used. The revision stays."""
        change = update(self.table).where(self.table.c.id == session_id)
        self._write(change.values(last_seen_at=at, ip=ip))

    def remove_of(self, kind: PrincipalKind, principal_id: str, except_id: str | None = None) -> None:
        """Remove all sessions of a principal, except one."""
        column = self.table.c.user_id if kind is PrincipalKind.USER else self.table.c.api_key_id
        removal = delete(self.table).where(column == principal_id)
        self._write(removal if except_id is None else removal.where(self.table.c.id != except_id))

    def remove_of_provider(self, provider_session_id: str) -> None:
        """Remove all sessions of a login at the identity provider."""
        self._write(delete(self.table).where(self.table.c.provider_session_id == provider_session_id))

    def remove_of_customer(self, customer_id: str) -> None:
        """Remove all sessions of the users and API keys of a customer."""
        this = self.table.c
        keys, people = (select(table.c.id).where(table.c.customer_id == customer_id) for table in (api_keys, users))
        self._write(delete(self.table).where(or_(this.api_key_id.in_(keys), this.user_id.in_(people))))

    def remove_expired(self, now: datetime) -> None:
        """Remove the sessions that have expired."""
        self._write(delete(self.table).where(self.table.c.expires_at <= now))
