"""Read the entities of one table: by id, by other columns, and in pages."""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, Select, Table, bindparam, select

from domain.adapters.sql import listing
from domain.adapters.sql.audit_trail import Trail
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.totals import SMALL, Totals
from domain.ports.repository import Page, Query

R = TypeVar("R")


class Block(NamedTuple):
    """What the repositories of a block share; without a journal the block only reads."""

    connection: Connection
    journal: Journal | None
    totals: Totals
    trail: Trail


class Reader(Generic[R]):
    """The entities of one table, to be read.

    A page takes filters and sorts of these names alone, and raises KeyError for others. `search` is how `Query.search`
    is answered.
    """

    table: Table
    entity: Callable[..., R]
    filters: frozenset[str]
    sorts: frozenset[str]
    search: TextSearch | None = None

    def __init__(self, block: Block) -> None:
        self._connection, self._journal, self._totals, self._trail = block

    def get(self, entity_id: str) -> R | None:
        """Return the entity, locked against other writers in a block that writes."""
        return self._fetch_one(_select_by_id(self.table, locked=self._journal is not None), id=entity_id)

    def get_many(self, entity_ids: Collection[str]) -> dict[str, R]:
        """Return the entities that exist, by id."""
        rows = self._connection.execute(_select_by_ids(self.table), {"ids": list(entity_ids)}) if entity_ids else ()
        return {row.id: self.entity(*row) for row in rows}

    def page(self, query: Query) -> Page[R]:
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

    def _fetch_one(self, rows: Select[Any], **values: object) -> R | None:
        return self._entity_of(self._connection.execute(rows, values).first())

    def _entity_of(self, row: Row[Any] | None) -> R | None:
        if row is None:
            return None
        self._trail.remember(self.entity, row)
        return self.entity(*row)

    def _fetch_all(self, rows: Select[Any], **values: object) -> list[R]:
        found = self._connection.execute(rows, values).all()
        if self._trail.is_active:
            for row in found:
                self._trail.remember(self.entity, row)
        return [self.entity(*row) for row in found]


@cache
def _select_by_id(table: Table, *, locked: bool) -> Select[Any]:
    """Cached: building a statement takes as long as running it."""
    row = select(table).where(table.c.id == bindparam("id"))
    # Not the strongest lock: inserting a row that refers to this one need not wait, as its key never changes.
    return row.with_for_update(key_share=True) if locked else row


@cache
def _select_by_ids(table: Table) -> Select[Any]:
    return select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
