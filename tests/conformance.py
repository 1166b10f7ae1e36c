"""Checks of every response in tests, and a record of the statuses seen of each operation."""

import httpx

from handlers.openapi31 import Document, Match, Operation, ResponseChecks, Router
from handlers.static_asset import DOCUMENT

CANARY = "canary-7f3a9c-secret"
"""A value to store as a secret: a response that contains it fails the test, except of `env/reveal`."""
READ_DOCUMENT = Document.load(DOCUMENT.content)
SEEN: set[tuple[str, int]] = set()
"""(operation, status) of every response in this process."""

_HEADERS = ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
CHECKS = ResponseChecks(READ_DOCUMENT)
_ROUTER = Router(READ_DOCUMENT.operations(), "/api")


def keep(method: str, response: httpx.Response) -> None:
    """Check a response against the document, for the common headers, and for secrets."""
    path = response.request.url.raw_path.decode().partition("?")[0]
    for header in _HEADERS:
        assert header in response.headers, f"{method} {path} answers without {header}"
    operation = note(method, path, response.status_code)
    if operation is None:
        bodiless = method == "HEAD" or path.startswith("/api/docs")
        assert bodiless or response.json()["error"]["code"], response.text
        return
    body = None if method == "HEAD" else response.content
    problems = CHECKS.check(operation, response.status_code, dict(response.headers), body)
    assert not problems, f"{problems}: {response.text[:500]}"
    if operation.operation_id != "reveal_environment":
        assert CANARY not in response.text + str(response.headers), f"{operation.operation_id} shows a secret"


def note(method: str, path: str, status: int) -> Operation | None:
    """Record a status and return the request's operation, None if the document has none."""
    found = _ROUTER.match(method, path)
    if not isinstance(found, Match):
        return None
    SEEN.add((found.operation.operation_id, status))
    return found.operation
