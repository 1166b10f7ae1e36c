"""Find the operation of a request in a tree of path segments."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.openapi31.errors import DocumentError, MethodNotAllowed, NotFound
from handlers.openapi31.operations import Operation
from handlers.openapi31.skeleton import ROUTING_CONTEXT, SpecMiddleware

MATCH = "openapi31.match"
WHOLE_SEGMENT = re.compile(r"{([^{}]+)}")


class Match(NamedTuple):
    """A request's operation and its path parameters, percent-decoded."""

    operation: Operation
    path_values: Mapping[str, str]


Found = Match | NotFound | MethodNotAllowed


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    names: tuple[str, ...] = ()
    operations: dict[str, Operation] = field(default_factory=dict)

    def child(self, segment: str) -> "_Node":
        if not WHOLE_SEGMENT.fullmatch(segment):
            if "{" in segment:
                raise DocumentError(f"a parameter must be a whole segment of the path: {segment}")
            return self.literals.setdefault(segment, _Node())
        self.parameter = self.parameter or _Node()
        return self.parameter

    def allow(self) -> str:
        return ", ".join(sorted(self.operations))


class Router:
    """The paths of a document under a base path. Case and trailing slashes are significant."""

    def __init__(self, operations: Iterable[Operation], base_path: str = "") -> None:
        self._root = _Node()
        self._depth = len(base_path.rstrip("/").split("/"))
        self._prefix = base_path.rstrip("/") + "/"
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.path.split("/")[1:]:
            node = node.child(segment)
        names = tuple(WHOLE_SEGMENT.findall(operation.path))
        if node.operations and node.names != names:
            raise DocumentError(f"{operation.path} is the same path as another one with {node.names}")
        node.names = names
        node.operations[operation.method] = operation
        if operation.method == "GET":
            node.operations.setdefault("HEAD", operation)

    def match(self, method: str, path: str) -> Found:
        """Return the operation for a method and a percent-encoded path; a refusal is returned, not raised.

        A literal segment takes precedence over a parameter, whichever methods it has.
        """
        if not path.startswith(self._prefix):
            return NotFound()
        segments = path.split("/")[self._depth :]
        if "%" in path:
            segments = [unquote(segment, errors="surrogateescape") for segment in segments]
        values: list[str] = []
        node = _walk(self._root, segments, 0, values)
        if node is None:
            return NotFound()
        operation = node.operations.get(method)
        if operation is None:
            return MethodNotAllowed(node.allow())
        return Match(operation, dict(zip(node.names, values, strict=True)))

    def find(self, scope: Scope) -> Found:
        """Return the match of a request; it is cached in the request's scope."""
        found: Found | None = scope.get(MATCH)
        if found is None:
            raw = scope.get("raw_path")
            path = raw.decode("latin-1") if raw else quote(scope["path"])
            found = scope[MATCH] = self.match(scope["method"], path)
        return found


def _walk(node: _Node, segments: list[str], index: int, values: list[str]) -> _Node | None:
    if index == len(segments):
        return node if node.operations else None
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None and (found := _walk(literal, segments, index + 1, values)):
        return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _walk(node.parameter, segments, index + 1, values)
    if found is None:
        values.pop()
    return found


class RoutingMiddleware(SpecMiddleware):  # type: ignore[misc]  # Connexion has no types
    """Finds the operation and passes it to Connexion's other middlewares in the scope."""

    def __init__(self, app: ASGIApp, router: Router) -> None:
        self.app = app
        self.router = router
        self._contexts: dict[str, dict[str, Any]] = {}

    def add_api(self, specification: Any, *, base_path: str, **_options: object) -> None:  # noqa: ANN401 - no types
        """Store the context of each operation, with the base path under which Connexion knows it."""
        for operation in specification.document.operations():
            context = {"api_base_path": base_path, "operation_id": operation.operation_id}
            self._contexts[operation.operation_id] = {ROUTING_CONTEXT: context}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raise the refusal if no operation matches."""
        if scope["type"] == "http":
            found = self.router.find(scope)
            if not isinstance(found, Match):
                raise found
            scope["extensions"] = {**scope.get("extensions", {}), **self._contexts[found.operation.operation_id]}
        await self.app(scope, receive, send)
