"""Finding the operation for a request in a tree of path segments."""

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
    """The operation that is meant, and its path parameters as they were sent (percent-decoded, nothing more)."""

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
    """The paths of a document under a base path. Letters' case and trailing slashes count."""

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
        """The operation for a method and a path as it was sent (percent-encoded); a refusal is returned, not raised.

        A segment that the document writes out wins over a parameter, whichever methods it has.
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
        """The match for a request, kept in its scope so that it is looked for only once."""
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
    """Finds the operation and tells Connexion's other middlewares of it."""

    def __init__(self, app: ASGIApp, router: Router) -> None:
        self.app = app
        self.router = router
        self._contexts: dict[str, dict[str, Any]] = {}

    def add_api(self, specification: Any, *, base_path: str, **_options: object) -> None:  # noqa: ANN401 - no types
        """Learn under which base path Connexion knows the operations."""
        for operation in specification.document.operations():
            context = {"api_base_path": base_path, "operation_id": operation.operation_id}
            self._contexts[operation.operation_id] = {ROUTING_CONTEXT: context}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raise what was found when it is a refusal."""
        if scope["type"] == "http":
            found = self.router.find(scope)
            if not isinstance(found, Match):
                raise found
            scope["extensions"] = {**scope.get("extensions", {}), **self._contexts[found.operation.operation_id]}
        await self.app(scope, receive, send)
