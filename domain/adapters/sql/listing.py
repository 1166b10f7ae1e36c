"""The statements of lists: filters, search, time bounds and order, and the count of all rows that match."""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import BindParameter, ColumnElement, Integer, Select, Table, UnaryExpression, bindparam, func, select

from domain.adapters.sql import search
from domain.adapters.sql.search import TextSearch
from domain.ports.repository import Query


class Statements(NamedTuple):
    """The statements of a list; the pages take `limit` and `offset` besides the bind values of the conditions.

    `page_by_ids` finds the ids of all matching rows before it sorts them: faster than `page` for few among many.
    """

    total: Select[Any]
    page: Select[Any]
    page_by_ids: Select[Any]


_BOUNDS: Mapping[str, tuple[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    "since": ("created_at", operator.ge),
    "until": ("created_at", operator.lt),
    "unexpired_at": ("expires_at", operator.gt),
    "expires_before": ("expires_at", operator.lt),
}
_RANGES: Mapping[str, tuple[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    **_BOUNDS,
    "id_from": ("id", operator.ge),
    "id_before": ("id", operator.lt),
}
"""Names of bind values that are compared in another way than for equality."""


def bind_values(query: Query) -> dict[str, Any]:
    """Return the values that a query's conditions compare with, by the names that `statements` takes."""
    bounds = {name: getattr(query, name) for name in _BOUNDS}
    pattern = search.bind_values(query.search) if query.search else {}
    return {**query.filters, **{name: value for name, value in bounds.items() if value}, **pattern}


def statements(
    table: Table, values: Mapping[str, Any], sort: str, descending: bool, text_search: TextSearch | None = None
) -> Statements:
    """Return the statements for bind values of these names."""
    kinds = tuple((name, _kind(value)) for name, value in values.items())
    return _statements(table, kinds, sort, descending, text_search)


def conditions(table: Table, values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return the conditions for bind values of these names."""
    return [_condition(table, name, _kind(value), None) for name, value in values.items()]


def _kind(value: object) -> bool | None:
    """Return True for one of several values, False for one value, None for NULL."""
    return value if value is None else isinstance(value, tuple)


@lru_cache(maxsize=500)
def _statements(
    table: Table,
    kinds: tuple[tuple[str, bool | None], ...],
    sort: str,
    descending: bool,
    text_search: TextSearch | None,
) -> Statements:
    """`kinds` has the name and the kind of each value. Cached: building statements takes as long as running them."""
    where = [_condition(table, name, several, text_search) for name, several in kinds if name != search.NUMBERS]
    narrowed = where
    if text_search and search.NUMBERS in dict(kinds):
        narrowed = [*where, text_search.is_candidate()]
    order = _order(table, sort, descending=descending)
    # The offset keeps the database from merging this query into the next one.
    matching = select(table.c.id).where(*narrowed).offset(0)
    ids = _page(select(table.c.id).where(table.c.id.in_(matching)), order)
    return Statements(
        total=select(func.count()).select_from(table).where(*narrowed),
        page=_page(select(table).where(*where), order),
        page_by_ids=select(table).where(table.c.id.in_(ids)).order_by(*order),
    )


def _page(rows: Select[Any], order: Sequence[UnaryExpression[Any]]) -> Select[Any]:
    return rows.order_by(*order).limit(bindparam("limit", type_=Integer)).offset(bindparam("offset", type_=Integer))


def _condition(table: Table, name: str, several: bool | None, text_search: TextSearch | None) -> ColumnElement[bool]:
    if name in search.MATCHES and text_search:
        return text_search.contains(name)
    value: BindParameter[Any] = bindparam(name, expanding=bool(several))
    if name in _RANGES:
        column, compare = _RANGES[name]
        return compare(table.c[column], value)
    if name in table.info.get("conditions", {}):  # a filter that is no column of the table
        return cast(ColumnElement[bool], table.info["conditions"][name](value))
    if several is None:
        return table.c[name].is_(None)
    return table.c[name].in_(value) if several else table.c[name] == value


def _order(table: Table, sort: str, *, descending: bool) -> list[UnaryExpression[Any]]:
    column, tie = table.c[sort], table.c.id
    ordered = [column.desc(), tie.desc()] if descending else [column.asc(), tie.asc()]
    if column.nullable:  # the two databases sort NULL differently by default; here it is before every value
        ordered[0] = ordered[0].nulls_last() if descending else ordered[0].nulls_first()
    return ordered
