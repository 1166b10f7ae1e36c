"""The responses that handlers return: a status, the result's JSON, and the headers that belong to the result."""

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

from domain.ports.store import Page
from domain.resources.dry_run import DryRun
from domain.resources.revisions import etag
from handlers.openapi31 import Answer
from handlers.serializers.dry_run import dry_run
from handlers.serializers.values import Json

T = TypeVar("T")


@runtime_checkable
class Revisioned(Protocol):
    """A result whose stored fields have a revision, which becomes its ETag."""

    @property
    def revision(self) -> int | str:
        """Return the revision that a client names in If-Match."""


@runtime_checkable
class QueuesOperation(Protocol):
    """A result of a request that queued an operation, to which `Location` links."""

    @property
    def queued_operation_id(self) -> str | None:
        """Return the operation's ID, None if the request queued none."""


def ok(result: T, serialize: Callable[[T], Json], **headers: str) -> Answer:
    """Return 200, with the ETag of a result that has a revision."""
    return Answer(200, serialize(result), {**_etag(result), **headers})


def created(result: T | DryRun, serialize: Callable[[T], Json], **headers: str) -> Answer:
    """Return 201 with `ETag` and `Location`, or 200 for a dry run."""
    if isinstance(result, DryRun):
        return ok(result, dry_run)
    return Answer(201, serialize(result), {**_etag(result), **_location(result), **headers})


def changed(result: T, serialize: Callable[[T], Json]) -> Answer:
    """Return 200 with `ETag`, and `Location` if the change queued an operation."""
    return Answer(200, serialize(result), {**_etag(result), **_location(result)})


def accepted(result: T | DryRun, serialize: Callable[[T], Json]) -> Answer:
    """Return 202 with `Location`, or 200 for a dry run."""
    if isinstance(result, DryRun):
        return ok(result, dry_run)
    return Answer(202, serialize(result), _location(result))


def page(result: Page[T], serialize: Callable[[T], Json]) -> Answer:
    """Return 200 with one page of a list."""
    data = [serialize(item) for item in result.items]
    return Answer(200, {"data": data, "total": result.total, "page": result.page, "per_page": result.per_page})


def no_content() -> Answer:
    """Return 204."""
    return Answer(204)


def _etag(result: object) -> dict[str, str]:
    return {"ETag": etag(result.revision)} if isinstance(result, Revisioned) else {}


def _location(result: object) -> dict[str, str]:
    if isinstance(result, QueuesOperation) and result.queued_operation_id:
        return {"Location": f"/api/operations/{result.queued_operation_id}"}
    return {}
