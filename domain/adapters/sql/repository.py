"""The generic repository: map rows of a table to dataclasses and back, list pages, report conflicts."""

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

from domain.adapters.sql import listing
from domain.adapters.sql.engines import driver_message
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.totals import SMALL, Totals
from domain.errors import Conflict
from domain.events.event_types import EventContent, with_status
from domain.ports import repository as ports
from domain.ports.repository import Page, Query


class Entity(Protocol):
    """The fields that every entity has."""

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
    """The entities of one table.

    A page takes filters and sorts of these names alone, and raises KeyError for others. `search` is how `Query.search`
    is answered. `conflicts` maps the name of a unique index to the message and code of the Conflict that it raises.
    """

    table: Table
    entity: Callable[..., E]
    filters: frozenset[str]
    sorts: frozenset[str]
    search: TextSearch | None = None
    conflicts: Mapping[str, tuple[str, str]] = {}

    def __init__(self, block: Block) -> None:
        self._connection, self._journal, self._totals = block

    def event(self, entity: E) -> EventContent | None:  # noqa: ARG002 - for the repositories that override it
        """Return the event that a change of the entity publishes. None: its changes publish nothing."""
        return None

    def get(self, entity_id: str) -> E | None:
        """Return the entity, locked against other writers in a block that writes."""
        return self._fetch_one(_select_by_id(self.table, locked=self._journal is not None), id=entity_id)

    def get_many(self, entity_ids: Collection[str]) -> dict[str, E]:
        """Return the entities that exist, by id."""
        rows = self._connection.execute(_select_by_ids(self.table), {"ids": list(entity_ids)}) if entity_ids else ()
        return {row.id: self.entity(*row) for row in rows}

    def add(self, entity: E) -> None:
        """Insert an entity. Raise Conflict if it violates a constraint: the block cannot go on after that."""
        with self._conflict_errors():
            self._write(insert(self.table), self._row(entity))
        self._publish(entity)

    def save(self, entity: E) -> None:
        """Write all fields. Raise Conflict if the row was changed or removed since it was read: no change is lost."""
        row = self._row(entity) | {
            "revision": entity.revision + 1,
            "entity_id": entity.id,
            "expected_revision": entity.revision,
        }
        if self._write_or_conflict(_update_by_revision(self.table), row).rowcount != 1:
            raise Conflict(f"{entity.id} was changed by another request. Read it again and retry", details=entity.id)
        entity.revision += 1
        self._publish(entity)

    def remove(self, entity_id: str) -> None:
        """Delete an entity, with the rows that belong to it. Raise Conflict if rows keep it from being deleted."""
        change = delete(self.table).where(self.table.c.id == entity_id).returning(*self.table.c)
        try:
            row = self._write(change).first()
        except IntegrityError as error:
            raise Conflict(f"{entity_id} is still in use", details=entity_id) from error
        if row is not None:
            self._publish(self.entity(*row), removed=True)

    def _publish(self, entity: E, *, removed: bool = False) -> None:
        content = self.event(entity)
        if content is not None and self._journal is not None:
            self._journal.add(with_status(content, "deleted") if removed else content)

    def page(self, query: Query) -> Page[E]:
        """Return a page and the count of all matching rows.

        In `read()`, both are of one snapshot, unless the count is large and cached (see `Totals`). The last page
        corrects such a count.
        """
        self._check(query)
        values, offset = listing.bind_values(query), (query.page - 1) * query.per_page
        key = (self.table.name, *values.items())
        if query.search and self.search:
            values |= self.search.prefilter(self._connection, query.search)
        statements = listing.statements(self.table, values, query.sort, query.descending, self.search)
        total = self._totals.get(key, lambda: self._connection.scalar(statements.total, values) or 0)
        if offset >= total and total <= SMALL:
            return Page([], total, query.page, query.per_page)
        rows = statements.page_by_ids if query.search and total <= SMALL else statements.page
        items = self._fetch_all(rows, **values, limit=query.per_page + 1, offset=offset)
        has_more, end = len(items) > query.per_page, offset + len(items)
        is_last = bool(items) and not has_more
        return Page(
            items[: query.per_page], end if is_last else max(total, end), query.page, query.per_page, has_more=has_more
        )

    def _check(self, query: Query) -> None:
        unknown = (query.filters.keys() - self.filters) | ({query.sort} - self.sorts)
        if query.search and self.search is None:
            unknown.add("search")
        if unknown:
            raise KeyError(*sorted(unknown))

    def _fetch_one(self, rows: Select[Any], **values: object) -> E | None:
        return self._entity_of(self._connection.execute(rows, values).first())

    def _entity_of(self, row: Row[Any] | None) -> E | None:
        return None if row is None else self.entity(*row)

    def _fetch_all(self, rows: Select[Any], **values: object) -> list[E]:
        return [self.entity(*row) for row in self._connection.execute(rows, values)]

    def _row(self, entity: E) -> dict[str, Any]:
        return {column.name: getattr(entity, column.name) for column in self.table.columns}

    def _write(self, change: UpdateBase, rows: _Rows = None) -> CursorResult[Any]:
        if self._journal is None:
            raise RuntimeError("a block of read() cannot write")
        return self._connection.execute(change, rows)

    def _write_or_conflict(self, change: UpdateBase, rows: _Rows = None) -> CursorResult[Any]:
        """Write within a savepoint: after a Conflict the block can go on, on PostgreSQL too."""
        with self._conflict_errors(), self._connection.begin_nested():
            return self._write(change, rows)

    @contextmanager
    def _conflict_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise self._conflict(error) from error

    def _conflict(self, error: IntegrityError) -> Conflict:
        # SQLite names an index by its columns ("api_keys.prefix"), or by its name as PostgreSQL does.
        violated = driver_message(error).replace(".", "_")
        message, code = next(
            (conflict for index, conflict in self.conflicts.items() if index in violated),
            ("It exists already, or what it belongs to does not exist", None),
        )
        return Conflict(message, code=code)


@cache
def _select_by_id(table: Table, *, locked: bool) -> Select[Any]:
    """Cached: building a statement takes as long as running it."""
    row = select(table).where(table.c.id == bindparam("id"))
    # Not the strongest lock: inserting a row that refers to this one need not wait, as its key never changes.
    return row.with_for_update(key_share=True) if locked else row


@cache
def _select_by_ids(table: Table) -> Select[Any]:
    return select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _update_by_revision(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("entity_id"), table.c.revision == bindparam("expected_revision"))
