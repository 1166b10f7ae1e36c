"""Image references in the grammar of the distribution project, with a message for each common mistake."""

import re

from domain.compose.findings import Code, FieldError, quote
from domain.compose.values import Value, as_scalar

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


def read_image(value: Value) -> str:
    """Read a reference such as `nginx:1.29`, `registry.example.com/team/app@sha256:…`."""
    scalar = as_scalar(value)
    advice = _advice(scalar.text)
    if advice:
        raise FieldError(Code.BAD_IMAGE, f"{quote(scalar.raw)} is not a valid image: {advice}.", scalar.location)
    return scalar.text


def _advice(text: str) -> str | None:
    """Return what to change in a reference, or None if it is valid."""
    if not text or len(text) > _LONGEST:
        return f"write a reference of at most {_LONGEST} characters, such as `nginx:1.29`"
    if _ID.fullmatch(text):
        return "an image id could name the image of another tenant; write `name@sha256:…`"
    match = _REFERENCE.fullmatch(text)
    if match:
        return None if len(match["name"]) <= _LONGEST_NAME else f"its name has more than {_LONGEST_NAME} characters"
    return next((advice for pattern, advice in _MISTAKES if pattern.search(text)), _FORM)


_FORM = "write `name:tag`, `registry/name:tag` or `name@sha256:…`"
_MISTAKES = (
    (re.compile(r"^-"), "it must not start with a dash"),
    (re.compile(r"\s"), "it must not contain spaces"),
    (re.compile(r"://"), "leave out the scheme and write `registry/name:tag`"),
    (re.compile(r"^[^:@]*[A-Z]"), "repository names are lower case"),
)
