"""Searches for a part of a name, in any case, and the shorter ways to few names among many.

PostgreSQL takes its index of trigrams where a search is `spelled`. SQLite is given the `numbers` of the few names that
may have it, which its own index of trigrams finds.
"""

import json
import re

from sqlalchemy import ColumnElement, Connection, String, Table, bindparam, column, func, select, text
from sqlalchemy import table as table_named
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from domain.adapters.sql.columns import storable
from domain.adapters.sql.totals import FEW

_MOST = 2 * FEW  # what more than a few have is found in its order; some names have the trigrams and not the text
_TRIGRAM = re.compile("[a-z0-9]{3}")
_FOUND = text("SELECT rowid FROM service_trigrams WHERE service_trigrams MATCH :trigrams LIMIT :most")
_NAMES = table_named("service_names", column("number"), column("name"))
_GIVEN = func.json_each(bindparam("numbers")).table_valued("value")
_NUMBERED = select(_NAMES.c.name).where(_NAMES.c.number.in_(select(_GIVEN.c.value)))


def wish(search: str) -> dict[str, str]:
    """How names are to be searched, and what they are to be like."""
    part = storable(search.lower())
    for special in "/%_":
        part = part.replace(special, f"/{special}")
    return {_way(search): f"%{part}%"}


def shorter(connection: Connection, table: Table, search: str) -> dict[str, str]:
    """What else to wish for, as it leads there faster; nothing when too many have the trigrams, or there are none."""
    trigrams = _trigrams(storable(search.lower()))
    if table.name != "services" or not trigrams or connection.dialect.name != "sqlite":
        return {}
    numbers = connection.scalars(_FOUND, {"trigrams": trigrams, "most": _MOST + 1}).all()
    return {"numbers": json.dumps(numbers)} if len(numbers) <= _MOST else {}


def contains(way: str, name: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a name has what is wished for in this way."""
    return WAYS[way](name).like(bindparam(way), escape="/")


def numbered(name: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a name is one of the `numbers`."""
    return name.in_(_NUMBERED)


def _way(search: str) -> str:
    if not search.isascii():
        return "folded"
    return "spelled" if _TRIGRAM.search(search.lower()) else "plain"


def _trigrams(part: str) -> str:
    """Each three letters in a row, as FTS5 is asked for what has them all; nothing when there are no three."""
    found = {part[start : start + 3].replace('"', '""') for start in range(len(part) - 2)}
    return " AND ".join(f'"{each}"' for each in sorted(found))


class folded(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """Text without its case; on PostgreSQL by the database's rules, not by those of the column, which know bytes."""

    name = "folded"
    type = String()
    inherit_cache = True


class plain(folded):  # noqa: N801 - reads as a SQL function
    """The same for a search in ASCII: SQLite's LIKE takes ASCII in any case, and needs no function of Python's."""

    name = "plain"
    inherit_cache = True


class spelled(plain):  # noqa: N801 - reads as a SQL function
    """The same for a search with trigrams: PostgreSQL's index of them has this very expression."""

    name = "spelled"
    inherit_cache = True


WAYS = {way.name: way for way in (folded, plain, spelled)}


@compiles(folded)
def _lower(element: folded, compiler: SQLCompiler, **options: object) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(plain)
@compiles(spelled)
def _as_it_is(element: plain, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clauses, **options)


@compiles(folded, "postgresql")
@compiles(plain, "postgresql")
def _lower_past_the_index(element: folded, compiler: SQLCompiler, **options: object) -> str:
    """A search without trigrams would read all of an index of them, which takes ten times as long as all names."""
    return f"lower(({compiler.process(element.clauses, **options)} || '') COLLATE \"default\")"


@compiles(spelled, "postgresql")
def _lower_by_language(element: spelled, compiler: SQLCompiler, **options: object) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "default")'
