"""Checks of every response in tests, and a record of the statuses seen of each operation."""

from typing import Any

import httpx

from handlers.openapi31 import Document, Match, Operation, ResponseChecks, Router
from handlers.static_asset import DOCUMENT

CANARY = "canary-7f3a9c-secret"
"""A value to store as a secret: a response that contains it fails the test, except of `env/reveal`."""


def strict(node: Any) -> Any:
    """Return a copy of the document in which responses are closed: no undocumented field, no unlisted value.

    The document leaves them open, so that clients of this version understand the responses of the next.
    """
    if isinstance(node, list):
        return [strict(child) for child in node]
    if not isinstance(node, dict):
        return node
    schema = {name: strict(child) for name, child in node.items()}
    if node.get("type") == "object" and "properties" in node:
        schema.setdefault("additionalProperties", False)
    if isinstance(node.get("x-extensible-enum"), list):
        schema["enum"] = [*node["x-extensible-enum"], *([None] if "null" in node["type"] else [])]
    return schema


READ_DOCUMENT = Document.load(DOCUMENT.content)
STRICT_DOCUMENT = Document(strict(READ_DOCUMENT.raw))
SEEN: set[tuple[str, int]] = set()
"""(operation, status) of every response in this process."""

COMMON_HEADERS = ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
CHECKS = ResponseChecks(STRICT_DOCUMENT)
_ROUTER = Router(STRICT_DOCUMENT.operations(), "/api")


def check_response(method: str, response: httpx.Response) -> None:
    """Check a response against the document, for the common headers, and for secrets."""
    path = response.request.url.raw_path.decode().partition("?")[0]
    for header in COMMON_HEADERS:
        assert header in response.headers, f"{method} {path} responds without {header}"
    operation = record_status(method, path, response.status_code)
    if operation is None:
        bodiless = method == "HEAD" or path.startswith("/api/docs")
        assert bodiless or response.json()["error"]["code"], response.text
        return
    body = None if method == "HEAD" else response.content
    problems = CHECKS.check(operation, response.status_code, dict(response.headers), body)
    assert not problems, f"{problems}: {response.text[:500]}"
    if operation.operation_id != "reveal_environment":
        assert CANARY not in response.text + str(response.headers), f"{operation.operation_id} shows a secret"


def record_status(method: str, path: str, status: int) -> Operation | None:
    """Record a status and return the request's operation, None if the document has none."""
    match = _ROUTER.match(method, path)
    if not isinstance(match, Match):
        return None
    SEEN.add((match.operation.operation_id, status))
    return match.operation
