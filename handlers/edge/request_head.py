"""The head of a request, whichever server has read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class RequestHead:
    """The head of an HTTP request or of a WebSocket handshake.

    `header` returns all values of a header, by its lower-case name. `query` is the text behind the `?`, `address` the
    client's IP address, empty if there is none.
    """

    method: str
    header: Callable[[str], list[str]]
    query: str
    address: str
    is_websocket: bool = False

    def parameter(self, name: str) -> list[str]:
        """Return all values of a query parameter."""
        return [value for key, value in parse_qsl(self.query, keep_blank_values=True) if key == name]

    @property
    def origin(self) -> str | None:
        """The page that a browser sends the request from; None without a browser. Two values are no page at all."""
        return ", ".join(self.header("origin")) or None

    @property
    def is_safe(self) -> bool:
        """Whether a page of another site may cause the request: it changes nothing, and the page cannot read it."""
        return self.method in _SAFE_METHODS and not self.is_websocket


def from_scope(scope: Mapping[str, Any]) -> RequestHead:
    """Return the head of an ASGI request. The server has replaced the address by what a trusted proxy forwarded."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]

    def header(name: str) -> list[str]:
        raw = name.encode()
        return [value.decode("latin-1") for key, value in headers if key == raw]

    client = scope.get("client")
    return RequestHead(scope["method"], header, scope["query_string"].decode("latin-1"), client[0] if client else "")
