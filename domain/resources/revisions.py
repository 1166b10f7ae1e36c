"""Revisions: entity tags, If-Match, and changes that are prepared outside of a transaction."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from domain.errors import Conflict, Stale

P = ParamSpec("P")
T = TypeVar("T")

_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_TAGS = re.compile(_TAG)
_LIST = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
_ATTEMPTS = 20


class ChangedMeanwhileError(Exception):
    """What a change was prepared from is no longer what the database holds."""


def etag(revision: int | str) -> str:
    """Return the strong entity tag of a revision. Equal tags mean equal stored fields; live figures may differ."""
    return f'"{revision}"'


def match(if_match: str | None, revision: int | str, noun: str) -> None:
    """Raise Stale unless If-Match is absent, `*` or a list with this revision's tag (RFC 9110 §13.1.1).

    Weak tags and malformed lists match nothing.
    """
    if if_match is None or if_match.strip() == "*" or etag(revision) in _tags(if_match.strip()):
        return
    raise Stale(
        f"The {noun} has changed since you read it",
        details=f"If-Match is {if_match}, the current ETag is {etag(revision)}. Read it again and repeat the change.",
    )


def _tags(text: str) -> list[str]:
    return _TAGS.findall(text) if _LIST.fullmatch(text) else []


def require_unchanged(before: object, now: object) -> None:
    """Raise ChangedMeanwhileError if what a change was prepared from differs from what the transaction reads."""
    if before != now:
        raise ChangedMeanwhileError


def retry_when_changed(rule: Callable[P, T]) -> Callable[P, T]:
    """Run a rule from the start when another request changed its resource between its reading and its transaction.

    Each failed attempt means that another request succeeded. Raise Conflict after twenty.
    """

    @wraps(rule)
    def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_ATTEMPTS):
            try:
                return rule(*args, **kwargs)
            except ChangedMeanwhileError:
                continue
        raise Conflict("Other requests keep changing this resource", details="Repeat the request in a few seconds")

    return retried
