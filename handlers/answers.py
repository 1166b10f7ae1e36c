"""The responses that handlers return: a status, the result's JSON, and the headers that belong to the result.

A result with the attribute `revision` gets an ETag; one with `queued_operation_id`, the ID of the operation that the
request queued, gets a `Location`. Attributes are read by name: checking a Protocol costs 7 µs per response.
"""

from collections.abc import Callable
from typing import TypeVar

from domain.ports.repository import Page
from domain.resources.dry_run import DryRun
from domain.resources.revisions import etag
from handlers.openapi31 import Answer
from handlers.serializers.dry_run import dry_run
from handlers.serializers.values import Json

T = TypeVar("T")


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
    revision: int | str | None = getattr(result, "revision", None)
    return {} if revision is None else {"ETag": etag(revision)}


def _location(result: object) -> dict[str, str]:
    operation_id: str | None = getattr(result, "queued_operation_id", None)
    return {"Location": f"/api/operations/{operation_id}"} if operation_id else {}
