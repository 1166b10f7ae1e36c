"""The statements of lists: filters, search, bounds and order, and the count beside them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    UnaryExpression,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from domain.adapters.sql.columns import storable
from domain.ports import Query


class Statements(NamedTuple):
    """A list's count and page, and its page again for few among many: found by their names alone, and then sorted."""

    total: Select[Any]
    page: Select[Any]
    few: Select[Any]


def wishes(query: Query) -> dict[str, Any]:
    """What the rows of a list must be like: the values that its statements take."""
    kind = "plain" if query.search and query.search.isascii() else "part"
    bounds = {"since": query.since, "until": query.until, kind: query.search and _part(query.search)}
    return {**query.filters, **{name: value for name, value in bounds.items() if value}}


def statements(table: Table, given: Mapping[str, Any], sort: str, descending: bool) -> Statements:
    """For these wishes; a page takes `most` and `start` besides them."""
    form = tuple((name, value if value is None else isinstance(value, tuple)) for name, value in given.items())
    return _statements(table, form, sort, descending)


@lru_cache(maxsize=500)
def _statements(table: Table, form: tuple[tuple[str, bool | None], ...], sort: str, descending: bool) -> Statements:
    """`form` says what is given: one value, several (True), or no value (None).

    Kept, since building statements takes as long as running them.
    """
    wanted = [_wish(table, name, several=several) for name, several in form]
    page = select(table).order_by(*_order(table, sort, descending=descending))
    page = page.limit(bindparam("most", type_=Integer)).offset(bindparam("start", type_=Integer))
    few = table.c.id.in_(select(table.c.id).where(*wanted).offset(0))  # the offset keeps the two from becoming one
    return Statements(select(func.count()).select_from(table).where(*wanted), page.where(*wanted), page.where(few))


def _wish(table: Table, name: str, *, several: bool | None) -> ColumnElement[bool]:
    given: BindParameter[Any] = bindparam(name, expanding=bool(several))
    if name == "since":
        return table.c.created_at >= given
    if name == "until":
        return table.c.created_at < given
    if name == "plain":
        return plain(table.c["name"]).like(given, escape="/")
    if name == "part":
        return folded(table.c["name"]).like(given, escape="/")
    if several is None:
        return table.c[name].is_(None)
    return table.c[name].in_(given) if several else table.c[name] == given


def _order(table: Table, sort: str, *, descending: bool) -> list[UnaryExpression[Any]]:
    column, last = table.c[sort], table.c.id
    ordered = [column.desc(), last.desc()] if descending else [column.asc(), last.asc()]
    if column.nullable:  # the two databases disagree on where nothing stands: here it is before the first
        ordered[0] = ordered[0].nulls_last() if descending else ordered[0].nulls_first()
    return ordered


def _part(search: str) -> str:
    """What a name is like that has this in it."""
    text = storable(search.lower())
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return f"%{text}%"


class folded(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """Text without its case; on PostgreSQL by the database's rules, not by those of the column, which know bytes."""

    name = "folded"
    type = String()
    inherit_cache = True


class plain(folded):  # noqa: N801 - reads as a SQL function
    """The same for a search in ASCII: SQLite's LIKE takes ASCII in any case, and needs no function of Python's."""

    name = "plain"
    inherit_cache = True


@compiles(plain)
def _as_it_is(element: plain, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clauses, **options)


@compiles(folded)
def _lower(element: folded, compiler: SQLCompiler, **options: object) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(plain, "postgresql")
@compiles(folded, "postgresql")
def _lower_by_language(element: folded, compiler: SQLCompiler, **options: object) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "default")'
