"""If-None-Match: a GET whose ETag the client already has returns 304 without a body."""

import re
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from handlers.openapi31 import Answer

_HEADERS_OF_304 = frozenset({"ETag", "Cache-Control", "Content-Security-Policy", "Vary"})
_TAG = re.compile(r'"[!#-~]*"')


class ConditionalHandler:
    """A handler with the parameter If-None-Match in addition to its own."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        inner = signature(handler)
        tag = Parameter("if_none_match", Parameter.KEYWORD_ONLY, default=None)
        self.__signature__ = inner.replace(parameters=[*inner.parameters.values(), tag])

    def __call__(self, *, if_none_match: str | None = None, **arguments: Any) -> Any:  # noqa: ANN401
        """Return the handler's response, or 304 if the client has it."""
        return not_modified(self._handler(**arguments), if_none_match)


class AsyncConditionalHandler(ConditionalHandler):
    """The same for an `async` handler."""

    async def __call__(self, *, if_none_match: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """Return the handler's response, or 304 if the client has it."""
        return not_modified(await self._handler(**arguments), if_none_match)


def not_modified(answer: Answer, if_none_match: str | None) -> Answer:
    """Return 304 if the response's ETag is in If-None-Match (weak comparison, RFC 9110 §13.1.2), else the response."""
    if not if_none_match or not _matches(if_none_match, answer):
        return answer
    return Answer(304, None, {name: value for name, value in answer.headers.items() if name in _HEADERS_OF_304})


def _matches(if_none_match: str, answer: Answer) -> bool:
    return if_none_match.strip() == "*" or answer.headers.get("ETag") in _TAG.findall(if_none_match)
