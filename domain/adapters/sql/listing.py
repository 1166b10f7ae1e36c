"""The statements of lists: filters, search, bounds and order, and the count beside them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Integer, Select, Table, UnaryExpression, bindparam, func, select

from domain.adapters.sql import search
from domain.ports.store import Query


class Statements(NamedTuple):
    """A list's count and page, and its page again for few among many: found by their names, sorted, and then read."""

    total: Select[Any]
    page: Select[Any]
    few: Select[Any]


def wishes(query: Query) -> dict[str, Any]:
    """What the rows of a list must be like: the values that its statements take."""
    bounds = {"since": query.since, "until": query.until}
    searched = search.wish(query.search) if query.search else {}
    return {**query.filters, **{name: value for name, value in bounds.items() if value}, **searched}


def statements(table: Table, given: Mapping[str, Any], sort: str, descending: bool) -> Statements:
    """For these wishes; a page takes `most` and `start` besides them."""
    form = tuple((name, value if value is None else isinstance(value, tuple)) for name, value in given.items())
    return _statements(table, form, sort, descending)


@lru_cache(maxsize=500)
def _statements(table: Table, form: tuple[tuple[str, bool | None], ...], sort: str, descending: bool) -> Statements:
    """`form` says what is given: one value, several (True), or no value (None).

    Kept, since building statements takes as long as running them.
    """
    wanted = [_wish(table, name, several=several) for name, several in form if name != "numbers"]
    narrowed = [*wanted, search.numbered(table.c["name"])] if "numbers" in dict(form) else wanted
    order = _order(table, sort, descending=descending)
    few = select(table.c.id).where(*narrowed).offset(0)  # the offset keeps it from becoming one with the next
    chosen = _page(select(table.c.id).where(table.c.id.in_(few)), order)
    return Statements(
        total=select(func.count()).select_from(table).where(*narrowed),
        page=_page(select(table).where(*wanted), order),
        few=select(table).where(table.c.id.in_(chosen)).order_by(*order),
    )


def _page(rows: Select[Any], order: Sequence[UnaryExpression[Any]]) -> Select[Any]:
    return rows.order_by(*order).limit(bindparam("most", type_=Integer)).offset(bindparam("start", type_=Integer))


def _wish(table: Table, name: str, *, several: bool | None) -> ColumnElement[bool]:
    given: BindParameter[Any] = bindparam(name, expanding=bool(several))
    if name == "since":
        return table.c.created_at >= given
    if name == "until":
        return table.c.created_at < given
    if name in search.WAYS:
        return search.contains(name, table.c["name"])
    if several is None:
        return table.c[name].is_(None)
    return table.c[name].in_(given) if several else table.c[name] == given


def _order(table: Table, sort: str, *, descending: bool) -> list[UnaryExpression[Any]]:
    column, last = table.c[sort], table.c.id
    ordered = [column.desc(), last.desc()] if descending else [column.asc(), last.asc()]
    if column.nullable:  # the two databases disagree on where nothing stands: here it is before the first
        ordered[0] = ordered[0].nulls_last() if descending else ordered[0].nulls_first()
    return ordered
