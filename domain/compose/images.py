"""Image references, by the grammar of the distribution project, with a message for each common slip."""

import re

from domain.compose.findings import Code, FieldError, shown
from domain.compose.values import Value, single

_ALNUM = r"[a-z0-9]+"
_COMPONENT = rf"{_ALNUM}(?:(?:\.|__?|-+){_ALNUM})*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]{{2,45}}\])(?::[0-9]{{1,5}})?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_LONGEST_NAME = 255
_LONGEST = 512


def image(value: Value) -> str:
    """A reference such as `nginx:1.29`, `registry.example.com/team/app@sha256:…`."""
    found = single(value)
    advice = _advice(found.text)
    if advice:
        raise FieldError(Code.BAD_IMAGE, f"{shown(found.written)} is not an image: {advice}.", found.place)
    return found.text


def _advice(text: str) -> str | None:
    """What to do about a reference; None when it is good."""
    if not text or len(text) > _LONGEST:
        return f"write a reference of at most {_LONGEST} characters, such as `nginx:1.29`"
    if _ID.fullmatch(text):
        return "an id would reach into the images of others; write `name@sha256:…`"
    match = _REFERENCE.fullmatch(text)
    if match:
        return None if len(match["name"]) <= _LONGEST_NAME else f"its name has more than {_LONGEST_NAME} characters"
    return next((advice for wrong, advice in _SLIPS if wrong.search(text)), _SHAPE)


_SHAPE = "write `name:tag`, `registry/name:tag` or `name@sha256:…`"
_SLIPS = (
    (re.compile(r"^-"), "it may not begin with a dash"),
    (re.compile(r"\s"), "it may not hold spaces"),
    (re.compile(r"://"), "leave out the scheme and write `registry/name:tag`"),
    (re.compile(r"^[^:@]*[A-Z]"), "a repository is written in lower case"),
)
