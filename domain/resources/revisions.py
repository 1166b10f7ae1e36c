"""Revisions as entity tags, and changes that are refused when the revision has moved on."""

import re

from domain.errors import Stale

_TAGS = re.compile(r'(?:W/)?"[!#-~]*"')


def etag(revision: int | str) -> str:
    """A strong tag: equal tags mean equal stored fields, live figures aside."""
    return f'"{revision}"'


def match(if_match: str | None, revision: int | str, noun: str) -> None:
    """Raise Stale unless If-Match is absent, `*` or names this revision; a weak tag never matches (RFC 9110)."""
    if if_match is None or if_match.strip() == "*" or etag(revision) in _TAGS.findall(if_match):
        return
    raise Stale(
        f"{noun} has changed since you read it",
        details=f"If-Match is {if_match}, the current ETag is {etag(revision)}: read it again and repeat the change",
    )
