"""The generic repository: rows of a table to dataclasses and back, pages with filters, conflicts."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import (
    Connection,
    CursorResult,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import Update, UpdateBase

from domain.adapters.sql import listing, search
from domain.adapters.sql.engines import said
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.totals import FEW, Totals
from domain.errors import Conflict
from domain.ports import store as ports
from domain.ports.store import Page, Query


class Entity(Protocol):
    """What every noun has."""

    id: str
    revision: int


class Block(NamedTuple):
    """What the repositories of a block share; without a journal the block only reads."""

    connection: Connection
    journal: Journal | None
    totals: Totals


E = TypeVar("E", bound=Entity)
_Rows = dict[str, Any] | list[dict[str, Any]] | None


class Repository(ports.Repository[E], Generic[E]):
    """The entities of one table. `filters` and `sorts` are what a page may be asked for: anything else is a KeyError.

    `conflicts` maps the name of a unique index to the message and code of the Conflict that it raises.
    """

    table: Table
    entity: Callable[..., E]
    filters: frozenset[str]
    sorts: frozenset[str]
    conflicts: Mapping[str, tuple[str, str]] = {}

    def __init__(self, block: Block) -> None:
        self._connection, self._journal, self._totals = block

    def get(self, entity_id: str) -> E | None:
        """The entity, locked against other writers when this block writes."""
        found = _by_id(self.table, locked=self._journal is not None)
        return self._one(found, id=entity_id)

    def get_many(self, entity_ids: Collection[str]) -> dict[str, E]:
        """Those of them that there are, by id."""
        found = self._connection.execute(_by_ids(self.table), {"ids": list(entity_ids)}) if entity_ids else ()
        return {row.id: self.entity(*row) for row in found}

    def add(self, entity: E) -> None:
        """Raise Conflict when something of it is taken: then the block is over."""
        with self._refused_in_words():
            self._change(insert(self.table), self._row(entity))
        self._note(entity)

    def save(self, entity: E) -> None:
        """Raise Conflict when it was changed or removed since it was read, so that no change is ever lost."""
        row = self._row(entity) | {"revision": entity.revision + 1, "same": entity.id, "unchanged": entity.revision}
        if self._claim(_saving(self.table), row).rowcount != 1:
            raise Conflict("It was changed by somebody else meanwhile", details=entity.id)
        entity.revision += 1
        self._note(entity)

    def remove(self, entity_id: str) -> None:
        """Remove it with all that belongs to it."""
        gone = self._change(delete(self.table).where(self.table.c.id == entity_id).returning(*self.table.c)).first()
        if gone is not None:
            self._note(self._made(gone), removed=True)

    def _note(self, thing: object, *, removed: bool = False) -> None:
        """No change of a thing without its event."""
        if self._journal is not None:
            self._journal.note(thing, removed=removed)

    def page(self, query: Query) -> Page[E]:
        """A page and the count, both of the same snapshot when asked for in `read()` and not too many to count anew."""
        if unknown := (query.filters.keys() - self.filters) | ({query.sort} - self.sorts):
            raise KeyError(*sorted(unknown))
        wishes, start = listing.wishes(query), (query.page - 1) * query.per_page
        asked = (self.table.name, *wishes.items())
        if query.search:
            wishes |= search.shorter(self._connection, self.table, query.search)
        statements = listing.statements(self.table, wishes, query.sort, query.descending)
        total = self._totals.of(asked, lambda: self._connection.scalar(statements.total, wishes) or 0)
        rows = statements.few if query.search and total <= FEW else statements.page
        found = self._all(rows, **wishes, most=query.per_page, start=start) if start < total else []
        return Page(found, total, query.page, query.per_page)

    def _one(self, rows: Select[Any], **given: object) -> E | None:
        return self._made(self._connection.execute(rows, given).first())

    def _made(self, row: Row[Any] | None) -> E | None:
        return None if row is None else self.entity(*row)

    def _all(self, rows: Select[Any], **given: object) -> list[E]:
        return [self.entity(*row) for row in self._connection.execute(rows, given)]

    def _row(self, entity: E) -> dict[str, Any]:
        return {column.name: getattr(entity, column.name) for column in self.table.columns}

    def _change(self, change: UpdateBase, rows: _Rows = None) -> CursorResult[Any]:
        if self._journal is None:
            raise RuntimeError("a block of read() cannot write")
        return self._connection.execute(change, rows)

    def _claim(self, change: UpdateBase, rows: _Rows = None) -> CursorResult[Any]:
        """A change that may be refused; the block can go on after it, on PostgreSQL too."""
        with self._refused_in_words(), self._connection.begin_nested():
            return self._change(change, rows)

    @contextmanager
    def _refused_in_words(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise self._conflict(error) from error

    def _conflict(self, error: IntegrityError) -> Conflict:
        # SQLite names an index by its columns ("api_keys.prefix"), or by its name as PostgreSQL does.
        what = said(error).replace(".", "_")
        message, code = next(
            (told for index, told in self.conflicts.items() if index in what),
            ("It exists already, or what it belongs to is gone", None),
        )
        return Conflict(message, code=code)


@cache
def _by_id(table: Table, *, locked: bool) -> Select[Any]:
    """Kept, since building a statement takes as long as running it."""
    found = select(table).where(table.c.id == bindparam("id"))
    # Not the strongest lock: adding what refers to the row need not wait, as its key never changes.
    return found.with_for_update(key_share=True) if locked else found


@cache
def _by_ids(table: Table) -> Select[Any]:
    return select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _saving(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("same"), table.c.revision == bindparam("unchanged"))
