"""Idempotent requests: the claim, the effect and the answer are kept in one transaction, or none of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.adapters.sql.columns import Moment, Words
from domain.adapters.sql.engines import NESTED, transaction
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.tables import list_indexes, metadata
from domain.errors import Conflict
from domain.ports.store import Claim
from domain.ports.vault import Vault

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Words(), primary_key=True),
    Column("key", Words(), primary_key=True),
    Column("digest", Words(), nullable=False),
    Column("answer", Words()),
    Column("created_at", Moment(), nullable=False),
)
list_indexes(idempotency, "created_at")

KEPT = timedelta(hours=24)


class Answered(BaseException):
    """Raised out of `begin()` when a parallel, equal call won; no rule may take it for a fault and go on."""


class Register:
    """What is kept of one claim. The answer is sealed, for it may hold what is shown only once."""

    def __init__(self, vault: Vault, claim: Claim, now: datetime) -> None:
        self._vault = vault
        self._claim = claim
        self._now = now

    def answer(self, connection: Connection) -> bytes | None:
        """The answer that an equal call got; None while there is none. Raise Conflict when the call is not equal."""
        wanted = (self._mine(), idempotency.c.created_at > self._now - KEPT)
        row = connection.execute(select(idempotency.c.digest, idempotency.c.answer).where(*wanted)).first()
        if row is None:
            return None
        if row.digest != self._claim.digest:
            raise Conflict("This Idempotency-Key was used for another request", code="idempotency_mismatch")
        return self._vault.decrypt(row.answer).encode("latin-1")

    def enter(self, connection: Connection) -> None:
        """Claim the key. On PostgreSQL this waits for a parallel call with the same key to end."""
        forgotten = (self._mine(), idempotency.c.created_at <= self._now - KEPT)
        connection.execute(delete(idempotency).where(*forgotten))
        claim = self._claim
        row = {"caller": claim.caller, "key": claim.key, "digest": claim.digest, "created_at": self._now}
        try:
            with connection.begin_nested():
                connection.execute(insert(idempotency).values(row))
        except IntegrityError:
            raise Answered from None

    def keep(self, connection: Connection, answer: bytes) -> None:
        """Add the answer to the claim; latin-1 is a text for any bytes, as the vault seals text."""
        sealed = self._vault.encrypt(answer.decode("latin-1"))
        connection.execute(update(idempotency).where(self._mine()).values(answer=sealed))

    def _mine(self) -> ColumnElement[bool]:
        return and_(idempotency.c.caller == self._claim.caller, idempotency.c.key == self._claim.key)


class Shared:
    """The one transaction of all blocks within `once`: opened by the first `begin()`, kept when one had an effect."""

    def __init__(self, engine: Engine, register: Register) -> None:
        self._engine = engine
        self._register = register
        self._open = ExitStack()
        self._inside = False
        self._effect = False
        self.connection: Connection | None = None
        self.journal = Journal()

    @contextmanager
    def block(self, *, keep: bool = True) -> Iterator[Connection]:
        """A part of the transaction that is undone alone when it fails, as a block of its own would be."""
        if self._inside:
            raise RuntimeError(NESTED)
        connection = self.connection or self._begin()
        self._inside = True
        try:
            with connection.begin_nested() as part:
                yield connection
                if not keep:
                    part.rollback()
            self._effect = self._effect or keep
        finally:
            self._inside = False

    def _begin(self) -> Connection:
        self.connection = self._open.enter_context(transaction(self._engine))
        self._register.enter(self.connection)
        return self.connection

    def keep(self, answer: bytes) -> None:
        """Keep the answer with the effect, or nothing when there was none."""
        if self.connection is None:
            return
        if self._effect:
            self._register.keep(self.connection, answer)
            self.journal.write(self.connection)
        elif (current := self.connection.get_transaction()) is not None:
            current.rollback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def forget(connection: Connection, now: datetime) -> None:
    """Remove what no repeated call can ask for any more."""
    connection.execute(delete(idempotency).where(idempotency.c.created_at <= now - KEPT))
