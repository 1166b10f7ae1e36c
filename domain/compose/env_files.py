"""Files of environment variables (`.env`) in compose's format: comments, quotes, `export` and variables."""

import re
from collections.abc import Iterator
from itertools import islice

from domain.compose.findings import Code
from domain.compose.interpolation import Interpolator, TemplateError

MOST_ENTRIES = 5000

_ENTRY = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[^\s=:#'\"]+)[ \t]*(?:[=:][ \t]*(?:"
    r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\n]*))|(?=\n|$))[^\n]*$",
    re.MULTILINE,
)
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


def parse_env_file(content: str, interpolator: Interpolator) -> dict[str, str | None]:
    """Return name → value; None for a name without a value. Unquoted and double-quoted values are interpolated.

    Raise TemplateError for bad interpolation syntax and too many entries.
    """
    entries = list(islice(_entries(content.replace("\r\n", "\n"), interpolator), MOST_ENTRIES + 1))
    if len(entries) > MOST_ENTRIES:
        raise TemplateError(Code.TOO_LARGE, f"A file has at most {MOST_ENTRIES} variables.")
    return dict(entries)


def _entries(content: str, interpolator: Interpolator) -> Iterator[tuple[str, str | None]]:
    for match in _ENTRY.finditer(content):
        if match["single"] is not None:
            yield match["name"], match["single"]
        elif match["double"] is not None:
            unescaped = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), match["double"], flags=re.S)
            yield match["name"], _interpolate(unescaped, interpolator)
        elif match["plain"] is not None:
            yield match["name"], _interpolate(_COMMENT.sub("", match["plain"]).strip(), interpolator)
        else:
            yield match["name"], None


def _interpolate(text: str, interpolator: Interpolator) -> str:
    return "".join(fragment.text for fragment in interpolator.interpolate(text).fragments)
