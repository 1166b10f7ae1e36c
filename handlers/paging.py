"""The header `Link` of lists: where the other pages are (RFC 8288). Every operation with a parameter `page` has it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import Scope

from handlers.openapi31 import Answer
from handlers.serializers.values import Json

LAST_PAGE = 1_000_000
"""The maximum of the parameter `page`."""


class PagedHandler:
    """A list handler that also takes the request's target and returns the header `Link`."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        inner = signature(handler)
        target = Parameter("target", Parameter.KEYWORD_ONLY)
        others = [parameter for parameter in inner.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD]
        rest = [parameter for parameter in inner.parameters.values() if parameter.kind is Parameter.VAR_KEYWORD]
        self.__signature__ = inner.replace(parameters=[*others, target, *rest])

    def __call__(self, *, target: str, **arguments: Any) -> Any:  # noqa: ANN401
        """Return the handler's response with links to the other pages."""
        return with_links(self._handler(**arguments), target)


class AsyncPagedHandler(PagedHandler):
    """The same for an `async` handler."""

    async def __call__(self, *, target: str, **arguments: Any) -> Answer:  # noqa: ANN401
        """Return the handler's response with links to the other pages."""
        return with_links(await self._handler(**arguments), target)


def request_target(scope: Scope) -> str:
    """Return the path and the query of a request."""
    return f"{quote(scope['path'])}?{scope['query_string'].decode('latin-1')}"


def with_links(answer: Answer, target: str) -> Answer:
    """Return a page with the header `Link`, whose URLs have all parameters of the request."""
    path, _, query = target.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "page"]
    links = (
        f'<{path}?{urlencode([*kept, ("page", number)])}>; rel="{relation}"'
        for relation, number in _pages(answer.content)
    )
    return replace(answer, headers={**answer.headers, "Link": ", ".join(links)})


def _pages(content: Json | AsyncIterator[bytes]) -> Iterator[tuple[str, int]]:
    """Yield the relations of a page and the numbers of the pages that they name. A stream has all items, as a page."""
    if isinstance(content, AsyncIterator):
        yield "first", 1
        return
    page, has_more = content["page"], content["has_more"]
    last = max(-(-content["total"] // content["per_page"]), page + 1 if has_more else 1)
    yield "first", 1
    if page > 1:
        yield "prev", min(page - 1, last)
    if has_more and page < LAST_PAGE:
        yield "next", page + 1
    yield "last", min(last, LAST_PAGE)
