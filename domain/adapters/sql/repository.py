"""The generic repository: rows of a table to dataclasses and back, pages with filters, what is taken."""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Row,
    Select,
    String,
    Table,
    UnaryExpression,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.functions import FunctionElement

from domain.adapters.sql.columns import storable
from domain.adapters.sql.journal import Journal
from domain.errors import Conflict
from domain.ports import Page, Query


class Entity(Protocol):
    """What every noun has."""

    id: str
    revision: int


E = TypeVar("E", bound=Entity)


class Repository(Generic[E]):
    """The entities of one table. `filters` and `sorts` are what a page may be asked for: anything else is a KeyError.

    `taken` maps a unique index to the message and code that tell what is taken.
    """

    table: Table
    entity: Callable[..., E]
    filters: frozenset[str]
    sorts: frozenset[str]
    taken: Mapping[str, tuple[str, str]] = {}

    def __init__(self, connection: Connection, journal: Journal | None) -> None:
        self._connection = connection
        self._journal = journal

    def get(self, entity_id: str) -> E | None:
        """The entity, locked against other writers when this block writes."""
        found = _by_id(self.table, locked=self._journal is not None)
        return self._made(self._connection.execute(found, {"id": entity_id}).first())

    def several(self, entity_ids: Collection[str]) -> dict[str, E]:
        """Those of them that there are, by id."""
        found = self._connection.execute(_by_ids(self.table), {"ids": list(entity_ids)}) if entity_ids else ()
        return {row.id: self.entity(*row) for row in found}

    def add(self, entity: E) -> None:
        """Raise Conflict when something of it is taken."""
        self._claim(insert(self.table).values(self._row(entity)))
        self._note(entity)

    def save(self, entity: E) -> None:
        """Raise Conflict when it was changed or removed since it was read, so that no change is ever lost."""
        row = self._row(entity) | {"revision": entity.revision + 1}
        same = (self.table.c.id == entity.id, self.table.c.revision == entity.revision)
        if self._claim(update(self.table).where(*same).values(row)).rowcount != 1:
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
        """A page and the count, both of the same snapshot when asked for in `read()`."""
        wanted = self._wanted(query)
        total = self._connection.scalar(select(func.count()).select_from(self.table).where(*wanted)) or 0
        start = (query.page - 1) * query.per_page
        rows = select(self.table).where(*wanted).order_by(*self._order(query)).limit(query.per_page).offset(start)
        return Page(self._all(rows) if start < total else [], total, query.page, query.per_page)

    def _wanted(self, query: Query) -> list[ColumnElement[bool]]:
        if unknown := query.filters.keys() - self.filters:
            raise KeyError(*sorted(unknown))
        wanted = [_equal(self.table.c[name], value) for name, value in query.filters.items()]
        if query.search:
            part = storable(query.search.lower())
            wanted.append(folded(self.table.c["name"]).contains(part, autoescape=True))
        if query.since:
            wanted.append(self.table.c.created_at >= query.since)
        if query.until:
            wanted.append(self.table.c.created_at < query.until)
        return wanted

    def _order(self, query: Query) -> list[UnaryExpression[Any]]:
        if query.sort not in self.sorts:
            raise KeyError(query.sort)
        column, last = self.table.c[query.sort], self.table.c.id
        ordered = [column.desc(), last.desc()] if query.descending else [column.asc(), last.asc()]
        if column.nullable:  # the two databases disagree on where nothing stands: here it is before the first
            ordered[0] = ordered[0].nulls_last() if query.descending else ordered[0].nulls_first()
        return ordered

    def _one(self, rows: Select[Any]) -> E | None:
        return self._made(self._connection.execute(rows).first())

    def _made(self, row: Row[Any] | None) -> E | None:
        return None if row is None else self.entity(*row)

    def _all(self, rows: Select[Any]) -> list[E]:
        return [self.entity(*row) for row in self._connection.execute(rows)]

    def _row(self, entity: E) -> dict[str, Any]:
        return {column.name: getattr(entity, column.name) for column in self.table.columns}

    def _change(self, change: UpdateBase, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        if self._journal is None:
            raise RuntimeError("a block of read() cannot write")
        return self._connection.execute(change, rows)

    def _claim(self, change: UpdateBase, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        """A change that may be refused; the block can go on after it, on PostgreSQL too."""
        try:
            with self._connection.begin_nested():
                return self._change(change, rows)
        except IntegrityError as error:
            raise self._conflict(error) from error

    def _conflict(self, error: IntegrityError) -> Conflict:
        # SQLite names an index by its columns ("api_keys.prefix"), or by its name as PostgreSQL does.
        what = str(error.orig).partition("\n")[0].replace(".", "_")
        message, code = next(
            (told for index, told in self.taken.items() if index in what),
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


def _equal(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    return column.in_(value) if isinstance(value, tuple) else column == value


class folded(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """Text without its case; on PostgreSQL by the database's rules, not by those of the column, which know bytes."""

    name = "folded"
    type = String()
    inherit_cache = True


@compiles(folded)
def _lower(element: folded, compiler: SQLCompiler, **options: object) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(folded, "postgresql")
def _lower_by_language(element: folded, compiler: SQLCompiler, **options: object) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "default")'
