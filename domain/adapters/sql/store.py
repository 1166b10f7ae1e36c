"""The store: blocks of work on a database that is brought up to date when it is opened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import local

from sqlalchemy import select

from domain.adapters.sql.engines import Engines, connect, transaction
from domain.adapters.sql.idempotency import Answered, Register, Shared, forget
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.repository import Block
from domain.adapters.sql.schema import upgrade
from domain.adapters.sql.totals import Totals
from domain.adapters.sql.work import repositories
from domain.ports.store import Claim, Store, Work
from domain.ports.vault import Vault

_TIDIED_EVERY = timedelta(hours=1)


def open_store(url: str, vault: Vault, notify: Callable[[], None] = lambda: None) -> Store:
    """The store at `sqlite:////path` or `postgresql://…`, migrated; `notify` is called after every commit with news.

    Raise Unavailable when it does not answer or was made by a newer panel.
    """
    engines = connect(url)
    try:
        instance = upgrade(engines.write)
    except BaseException:
        engines.close()
        raise
    return SqlStore(engines, vault, instance, notify)


class _Thread(local):
    shared: Shared | None = None


class SqlStore:
    """Implements `ports.Store`."""

    def __init__(self, engines: Engines, vault: Vault, instance: str, notify: Callable[[], None]) -> None:
        self._nudge = notify
        self._engines = engines
        self._vault = vault
        self._instance = instance
        self._totals = Totals()
        self._thread = _Thread()
        self._tidied: datetime | None = None

    @contextmanager
    def begin(self, *, dry_run: bool = False) -> Iterator[Work]:
        """A transaction that writes, or a part of the one that `once` keeps."""
        shared, journal = self._thread.shared, Journal()
        keep = not dry_run
        block = shared.block(keep=keep) if shared else transaction(self._engines.write, keep=keep)
        with block as connection:
            yield repositories(Block(connection, journal, self._totals))
            if keep and not shared:
                journal.write(connection)
        if not keep:
            return
        if shared:
            shared.journal.take_over(journal)
        elif journal:
            self._nudge()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """A snapshot; within `once` it sees what the blocks before it wrote."""
        shared = self._thread.shared
        joined = shared is not None and shared.connection is not None
        block = shared.block(keep=False) if shared and joined else transaction(self._engines.read)
        with block as connection:
            yield repositories(Block(connection, None, self._totals))

    def once(self, claim: Claim, now: datetime, act: Callable[[], bytes]) -> bytes:
        """The answer of the one run of `act` that equal claims share."""
        if self._thread.shared is not None:
            raise RuntimeError("once() inside another one")
        self._tidy(now)
        register = Register(self._vault, claim, now)
        while (kept := self._kept(register)) is None:
            with suppress(Answered):
                return self._first(register, act)
        return kept

    def _kept(self, register: Register) -> bytes | None:
        with transaction(self._engines.read) as connection:
            return register.answer(connection)

    def _first(self, register: Register, act: Callable[[], bytes]) -> bytes:
        try:
            return self._run(register, act)
        except Exception:
            # A parallel, equal call may have won while `act` was still looking around: its answer is the answer.
            kept = self._kept(register)
            if kept is None:
                raise
            return kept

    def _run(self, register: Register, act: Callable[[], bytes]) -> bytes:
        with Shared(self._engines.write, register) as shared:
            self._thread.shared = shared
            try:
                answer = act()
            finally:
                self._thread.shared = None
            shared.keep(answer)
        if shared.journal:
            self._nudge()
        return answer

    def _tidy(self, now: datetime) -> None:
        if self._tidied is None or now - self._tidied > _TIDIED_EVERY:
            self._tidied = now
            with transaction(self._engines.write) as connection:
                forget(connection, now)

    @property
    def instance(self) -> str:
        """The id of this installation, made with the database."""
        return self._instance

    def ping(self) -> None:
        """Raise Unavailable when the database does not answer."""
        with transaction(self._engines.read) as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Close every connection."""
        self._engines.close()
