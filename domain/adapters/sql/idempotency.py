"""Idempotent requests: the key, the effect and the response are stored in one transaction, or none of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.adapters.sql.audit_trail import Trail
from domain.adapters.sql.columns import TextType, UtcDateTime
from domain.adapters.sql.engines import NESTED, transaction
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.tables import list_indexes, metadata
from domain.errors import Conflict
from domain.ports.store import IdempotentRequest
from domain.ports.vault import Vault

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", TextType(), primary_key=True),
    Column("key", TextType(), primary_key=True),
    Column("digest", TextType(), nullable=False),
    Column("answer", TextType()),
    Column("created_at", UtcDateTime(), nullable=False),
)
list_indexes(idempotency, "created_at")

LIFETIME = timedelta(hours=24)


class DuplicateRequest(BaseException):
    """Raised by `begin()` when a parallel, equal request was first.

    Not an Exception: a rule that handles exceptions must not continue after it.
    """


class IdempotencyRecord:
    """What is stored about one request. The response is encrypted, as it may contain a secret that is shown once."""

    def __init__(self, vault: Vault, request: IdempotentRequest, now: datetime) -> None:
        self._vault = vault
        self._request = request
        self._now = now

    def response(self, connection: Connection) -> bytes | None:
        """Return the response of an earlier, equal request; None if there is none.

        Raise Conflict if the key was used for a different request.
        """
        where = (self._is_mine(), idempotency.c.created_at > self._now - LIFETIME)
        row = connection.execute(select(idempotency.c.digest, idempotency.c.answer).where(*where)).first()
        if row is None:
            return None
        if row.digest != self._request.digest:
            raise Conflict("This Idempotency-Key was used for another request", code="idempotency_mismatch")
        return self._vault.decrypt(row.answer).encode("latin-1")

    def reserve(self, connection: Connection) -> None:
        """Insert the key. Raise DuplicateRequest if it exists.

        On PostgreSQL this waits until a parallel request with the same key has ended.
        """
        expired = (self._is_mine(), idempotency.c.created_at <= self._now - LIFETIME)
        connection.execute(delete(idempotency).where(*expired))
        request = self._request
        row = {"caller": request.caller, "key": request.key, "digest": request.digest, "created_at": self._now}
        try:
            with connection.begin_nested():
                connection.execute(insert(idempotency).values(row))
        except IntegrityError:
            raise DuplicateRequest from None

    def store(self, connection: Connection, response: bytes) -> None:
        """Add the response to the reserved key. Latin-1 makes a text of any bytes, which is what the vault encrypts."""
        encrypted = self._vault.encrypt(response.decode("latin-1"))
        connection.execute(update(idempotency).where(self._is_mine()).values(answer=encrypted))

    def _is_mine(self) -> ColumnElement[bool]:
        return and_(idempotency.c.caller == self._request.caller, idempotency.c.key == self._request.key)


class SharedTransaction:
    """The one transaction of all blocks within `run_once`.

    The first `begin()` opens it. It commits if a block had an effect.
    """

    def __init__(self, engine: Engine, record: IdempotencyRecord, trail: Trail) -> None:
        self._engine = engine
        self._record = record
        self._exit = ExitStack()
        self._in_block = False
        self._effect = False
        self.connection: Connection | None = None
        self.journal = Journal()
        self.trail = trail

    @contextmanager
    def block(self, *, commit: bool = True) -> Iterator[Connection]:
        """Open a savepoint, which rolls back alone if the block fails, as a block with its own transaction would.

        If no block has had an effect yet, the failure ends the transaction. So a rule that starts over reads, checks
        and decrypts outside of a transaction again.
        """
        if self._in_block:
            raise RuntimeError(NESTED)
        connection = self.connection or self._begin()
        self._in_block = True
        try:
            with connection.begin_nested() as savepoint:
                yield connection
                if not commit:
                    savepoint.rollback()
            self._effect = self._effect or commit
        except BaseException:
            if not self._effect:
                self._rollback()
            raise
        finally:
            self._in_block = False

    def _begin(self) -> Connection:
        self.connection = self._exit.enter_context(transaction(self._engine))
        self._record.reserve(self.connection)
        return self.connection

    def _rollback(self) -> None:
        if self.connection is not None and (current := self.connection.get_transaction()) is not None:
            current.rollback()
        self.connection = None
        self._exit.close()

    def finish(self, response: bytes) -> None:
        """Store the response and the events, or roll back if no block had an effect."""
        if self.connection is None:
            return
        if self._effect:
            self._record.store(self.connection, response)
            self.trail.write(self.connection)
            self.journal.write(self.connection)
        elif (current := self.connection.get_transaction()) is not None:
            current.rollback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.__exit__(kind, error, trace)


def remove_expired(connection: Connection, now: datetime) -> None:
    """Delete the responses whose lifetime is over."""
    connection.execute(delete(idempotency).where(idempotency.c.created_at <= now - LIFETIME))
