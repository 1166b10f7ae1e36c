"""The responses that handlers return: a status, the result's JSON, and the headers that belong to the result.

A result with the attribute `revision` gets an ETag; one with `queued_operation_id`, the ID of the operation that the
request queued, gets a `Location`. Attributes are read by name: checking a Protocol costs 7 µs per response.
A dry run returns the status and the JSON of the request itself, with a member `dry_run` and without `Location`.
"""

from collections.abc import Callable
from typing import TypeVar

from domain.ports.repository import Page
from domain.resources.dry_run import Outcome
from domain.resources.revisions import etag
from handlers.openapi31 import Answer
from handlers.serializers.dry_run import dry_run
from handlers.serializers.values import Json

T = TypeVar("T")


def ok(result: T | Outcome[T], serialize: Callable[[T], Json], **headers: str) -> Answer:
    """Return 200, with the ETag of a result that has a revision."""
    outcome = _outcome(result)
    return Answer(200, _json(outcome, serialize), {**_etag(outcome), **headers})


def created(result: T | Outcome[T], serialize: Callable[[T], Json], **headers: str) -> Answer:
    """Return 201 with `ETag` and `Location`."""
    outcome = _outcome(result)
    return Answer(201, _json(outcome, serialize), {**_etag(outcome), **_location(outcome), **headers})


def changed(result: T | Outcome[T], serialize: Callable[[T], Json]) -> Answer:
    """Return 200 with `ETag`, and `Location` if the change queued an operation."""
    outcome = _outcome(result)
    return Answer(200, _json(outcome, serialize), {**_etag(outcome), **_location(outcome)})


def accepted(result: T | Outcome[T], serialize: Callable[[T], Json]) -> Answer:
    """Return 202 with `Location`."""
    outcome = _outcome(result)
    return Answer(202, _json(outcome, serialize), _location(outcome))


def page(result: Page[T], serialize: Callable[[T], Json]) -> Answer:
    """Return 200 with one page of a list."""
    return Answer(
        200,
        {
            "data": [serialize(item) for item in result.items],
            "total": result.total,
            "page": result.page,
            "per_page": result.per_page,
            "has_more": result.has_more,
        },
    )


def redirect(location: str, *set_cookies: str) -> Answer:
    """Return 302 with cookies for a browser; it is not to be stored."""
    return Answer(302, headers={"Location": location, "Set-Cookie": set_cookies, "Cache-Control": "no-store"})


def no_content() -> Answer:
    """Return 204."""
    return Answer(204)


def _outcome(result: T | Outcome[T]) -> Outcome[T]:
    return result if isinstance(result, Outcome) else Outcome(result)


def _json(outcome: Outcome[T], serialize: Callable[[T], Json]) -> Json:
    serialized = serialize(outcome.result)
    return serialized if outcome.dry_run is None else {**serialized, "dry_run": dry_run(outcome.dry_run)}


def _etag(outcome: Outcome[T]) -> dict[str, str]:
    revision: int | str | None = getattr(outcome.result, "revision", None)
    return {} if revision is None else {"ETag": etag(revision)}


def _location(outcome: Outcome[T]) -> dict[str, str]:
    operation_id: str | None = getattr(outcome.result, "queued_operation_id", None)
    return {"Location": f"/api/operations/{operation_id}"} if operation_id and outcome.dry_run is None else {}
