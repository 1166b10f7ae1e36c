"""If-None-Match: a read whose ETag the caller has already is answered 304, without a body."""

import re
from collections.abc import Awaitable, Callable
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any

from starlette.concurrency import run_in_threadpool

from handlers.openapi31 import Answer

_KEPT = frozenset({"ETag", "Cache-Control", "Content-Security-Policy", "Vary"})
_TAG = re.compile(r'"[!#-~]*"')


class Conditional:
    """A reading handler that takes If-None-Match besides what it takes itself."""

    def __init__(self, handler: Callable[..., Answer | Awaitable[Answer]]) -> None:
        self._handler: Callable[..., Any] = handler
        self._is_async = iscoroutinefunction(getattr(handler, "func", handler))
        inner = signature(handler)
        tag = Parameter("if_none_match", Parameter.KEYWORD_ONLY, default=None)
        self.__signature__ = inner.replace(parameters=[*inner.parameters.values(), tag])

    async def __call__(self, *, if_none_match: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """The answer, or 304; weak comparison, as RFC 9110 §13.1.2 asks."""
        if self._is_async:
            answer = await self._handler(**arguments)
        else:
            answer = await run_in_threadpool(self._handler, **arguments)
        return unless_known(answer, if_none_match)


def unless_known(answer: Answer, if_none_match: str | None) -> Answer:
    """The answer, or 304 when its ETag is among those that the caller has."""
    return _unchanged(answer) if if_none_match and _holds(if_none_match, answer) else answer


def _holds(if_none_match: str, answer: Answer) -> bool:
    return if_none_match.strip() == "*" or answer.headers.get("ETag") in _TAG.findall(if_none_match)


def _unchanged(answer: Answer) -> Answer:
    kept = {name: value for name, value in answer.headers.items() if name in _KEPT}
    return Answer(304, None, kept)
