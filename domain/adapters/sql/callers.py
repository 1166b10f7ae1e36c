"""The repositories of who may call: API keys, the sessions that were made with them, and tickets for sockets."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from domain.adapters.sql import tables
from domain.adapters.sql.repository import Repository
from domain.model import ApiKey, Session, Ticket

# Every request asks this: building the statement anew would take as long as running it.
_BY_PREFIX = select(tables.api_keys).where(tables.api_keys.c.prefix == bindparam("prefix"))


class ApiKeys(Repository[ApiKey]):
    """API keys, found by their prefix."""

    table = tables.api_keys
    entity = ApiKey
    filters = frozenset({"role", "customer_id", "created_by"})
    sorts = frozenset({"name", "created_at", "last_used_at"})
    taken = {"api_keys_prefix": ("A key with this prefix exists already", "conflict")}  # noqa: RUF012 - as declared

    def by_prefix(self, prefix: str) -> ApiKey | None:
        """The key that a credential's first characters name."""
        return self._one(_BY_PREFIX, prefix=prefix)

    def used(self, key_id: str, at: datetime, address: str, requests: int) -> None:
        """Add to the request count and set last use; the revision stays."""
        count = self.table.c.request_count + requests
        last = update(self.table).where(self.table.c.id == key_id)
        self._change(last.values(request_count=count, last_used_at=at, last_used_ip=address))

    def any(self) -> bool:
        """Whether there is a key at all."""
        return self._connection.execute(select(self.table.c.id).limit(1)).first() is not None


_BY_DIGEST = select(tables.sessions).where(tables.sessions.c.digest == bindparam("digest"))


class Sessions(Repository[Session]):
    """Sessions, found by the digest of their cookie."""

    table = tables.sessions
    entity = Session
    filters = frozenset({"api_key_id"})
    sorts = frozenset({"created_at", "last_seen_at"})

    def by_digest(self, digest: str) -> Session | None:
        """The session whose cookie has this digest."""
        return self._one(_BY_DIGEST, digest=digest)

    def seen(self, session_id: str, at: datetime, ip: str) -> None:
        """Set where and when it was last seen; the revision stays."""
        last = update(self.table).where(self.table.c.id == session_id)
        self._change(last.values(last_seen_at=at, ip=ip))

    def remove_of(self, api_key_id: str, but: str | None = None) -> None:
        """Remove all sessions of a key but one."""
        others = delete(self.table).where(self.table.c.api_key_id == api_key_id)
        self._change(others if but is None else others.where(self.table.c.id != but))

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""
        self._change(delete(self.table).where(self.table.c.expires_at <= now))


class Tickets:
    """Implements `ports.Tickets`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ticket: Ticket) -> None:
        """Keep it until it is taken or forgotten."""
        row = {one.name: getattr(ticket, one.name) for one in fields(ticket)}
        self._connection.execute(insert(tables.tickets).values(row))

    def take(self, digest: str) -> Ticket | None:
        """Of two callers at once the database lets one delete the row."""
        taken = delete(tables.tickets).where(tables.tickets.c.digest == digest).returning(*tables.tickets.c)
        row = self._connection.execute(taken).first()
        return None if row is None else Ticket(*row)

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""
        self._connection.execute(delete(tables.tickets).where(tables.tickets.c.expires_at <= now))
