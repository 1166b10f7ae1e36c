"""If-None-Match: a read whose ETag the caller has already is answered 304, without a body."""

import re
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from handlers.openapi31 import Answer

_KEPT = frozenset({"ETag", "Cache-Control", "Content-Security-Policy", "Vary"})
_TAG = re.compile(r'"[!#-~]*"')


class Conditional:
    """A reading handler that takes If-None-Match besides what it takes itself."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        inner = signature(handler)
        tag = Parameter("if_none_match", Parameter.KEYWORD_ONLY, default=None)
        self.__signature__ = inner.replace(parameters=[*inner.parameters.values(), tag])

    def __call__(self, *, if_none_match: str | None = None, **arguments: Any) -> Any:  # noqa: ANN401
        """The answer, or 304; weak comparison, as RFC 9110 §13.1.2 asks."""
        return unless_known(self._handler(**arguments), if_none_match)


class AsyncConditional(Conditional):
    """The same of a handler that is `async`."""

    async def __call__(self, *, if_none_match: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """The answer, or 304."""
        return unless_known(await self._handler(**arguments), if_none_match)


def unless_known(answer: Answer, if_none_match: str | None) -> Answer:
    """The answer, or 304 when its ETag is among those that the caller has."""
    return _unchanged(answer) if if_none_match and _holds(if_none_match, answer) else answer


def _holds(if_none_match: str, answer: Answer) -> bool:
    return if_none_match.strip() == "*" or answer.headers.get("ETag") in _TAG.findall(if_none_match)


def _unchanged(answer: Answer) -> Answer:
    kept = {name: value for name, value in answer.headers.items() if name in _KEPT}
    return Answer(304, None, kept)
