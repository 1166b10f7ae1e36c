"""Search a column for a part of its text, in upper or lower case, through an index of trigrams where there is one.

PostgreSQL uses its trigram index where the search is `trigram_text`. SQLite is given the `numbers` of the rows of its
own index (FTS5) that may match, when they are few.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    TextClause,
    bindparam,
    column,
    func,
    select,
    table,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from domain.adapters.sql.columns import replace_unstorable
from domain.adapters.sql.totals import SMALL

NUMBERS = "numbers"
_MAX_CANDIDATES = 2 * SMALL  # a text may have the trigrams and not the part; with more, reading in order is faster
_TRIGRAM = re.compile("[a-z0-9]{3}")
_CANDIDATES = func.json_each(bindparam(NUMBERS)).table_valued("value")


@dataclass(frozen=True, eq=False)
class TextSearch:
    """How a repository searches: in which column, and through which index of trigrams.

    A migration makes the index. On PostgreSQL it is on `lower(column COLLATE "default")`. On SQLite, `texts` is a table
    that has each text once (`number`, and a column of the searched column's name), and `trigrams` is the FTS5 table of
    it. Without these the search reads every row.
    """

    column: Column[str]
    texts: str | None = None
    trigrams: str | None = None

    def prefilter(self, connection: Connection, part: str) -> dict[str, str]:
        """Return the bind value that narrows the search to a few candidates.

        Return nothing if the index does not help: too many texts have the trigrams, or the part has none.
        """
        trigrams = _trigrams(replace_unstorable(part.lower()))
        if self.trigrams is None or not trigrams or connection.dialect.name != "sqlite":
            return {}
        numbers = connection.scalars(self._find, {"trigrams": trigrams, "limit": _MAX_CANDIDATES + 1}).all()
        return {NUMBERS: json.dumps(numbers)} if len(numbers) <= _MAX_CANDIDATES else {}

    def contains(self, match: str) -> ColumnElement[bool]:
        """Return the condition that the column has the part which is bound under the name of `match`."""
        return MATCHES[match](self.column).like(bindparam(match), escape="/")

    def is_candidate(self) -> ColumnElement[bool]:
        """Return the condition that the text's number is one of `numbers`."""
        return self.column.in_(self._candidate_texts)

    @cached_property
    def _find(self) -> TextClause:
        # The name is the repository's declaration, not input.
        return text(f"SELECT rowid FROM {self.trigrams} WHERE {self.trigrams} MATCH :trigrams LIMIT :limit")  # noqa: S608

    @cached_property
    def _candidate_texts(self) -> Select[Any]:
        texts = table(self.texts or "", column("number"), column(self.column.name))
        return select(texts.c[self.column.name]).where(texts.c.number.in_(select(_CANDIDATES.c.value)))


def bind_values(part: str) -> dict[str, str]:
    """Return how the column is matched, and the pattern for it."""
    pattern = replace_unstorable(part.lower())
    for special in "/%_":
        pattern = pattern.replace(special, f"/{special}")
    return {_match(part): f"%{pattern}%"}


def _match(part: str) -> str:
    if not part.isascii():
        return folded_text.name
    return trigram_text.name if _TRIGRAM.search(part.lower()) else ascii_text.name


def _trigrams(part: str) -> str:
    """Return an FTS5 query for all trigrams of the text; empty when it is shorter than three characters."""
    trigrams = {part[start : start + 3].replace('"', '""') for start in range(len(part) - 2)}
    return " AND ".join(f'"{trigram}"' for trigram in sorted(trigrams))


class folded_text(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """Text in lower case; on PostgreSQL by the database's collation, as the column's compares bytes."""

    name = "folded_text"
    type = String()
    inherit_cache = True


class ascii_text(folded_text):  # noqa: N801 - reads as an SQL function
    """Text for a search in ASCII: SQLite's LIKE ignores the case of ASCII, so it needs no function of Python."""

    name = "ascii_text"
    inherit_cache = True


class trigram_text(ascii_text):  # noqa: N801 - reads as an SQL function
    """Text for a search with trigrams: PostgreSQL's index of trigrams is on this very expression."""

    name = "trigram_text"
    inherit_cache = True


MATCHES = {function.name: function for function in (folded_text, ascii_text, trigram_text)}


@compiles(folded_text)
def _lower(element: folded_text, compiler: SQLCompiler, **options: object) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(ascii_text)
@compiles(trigram_text)
def _unchanged(element: ascii_text, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clauses, **options)


@compiles(folded_text, "postgresql")
@compiles(ascii_text, "postgresql")
def _lower_without_index(element: folded_text, compiler: SQLCompiler, **options: object) -> str:
    """A search without trigrams would read the whole trigram index, which takes ten times as long as all rows."""
    return f"lower(({compiler.process(element.clauses, **options)} || '') COLLATE \"default\")"


@compiles(trigram_text, "postgresql")
def _lower_with_index(element: trigram_text, compiler: SQLCompiler, **options: object) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "default")'
