"""Check that every request had the effect that its response reports, exactly once."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from threading import Event

from tests.chaos.client import Endpoint, RecordedRequest, RequestLog, RetryingClient
from tests.chaos.panel_reader import Json

_OPERATED = ("start", "stop", "restart")


def failed_creates(request_log: RequestLog) -> Iterator[str]:
    """Yield creates without status 201. Names are unique, so each create must succeed."""
    for request in request_log.completed:
        if request.path == "/services" and request.status != 201:
            yield f"{request.summary} {request.answer}"


def service_mismatches(request_log: RequestLog, events: list[Json]) -> Iterator[str]:
    """Yield services that appear only in events, or only in responses."""
    in_events = {event["data"]["service_id"] for event in events}
    for service in in_events ^ request_log.services.keys():
        yield f"{service} appears only in {'events' if service in in_events else 'a response'}"


def operation_mismatches(request_log: RequestLog, operations: list[Json]) -> Iterator[str]:
    """Yield requests that created several operations, and operations that differ from the responses.

    Operations of deleted services are removed with them, except those that the deletion cancelled.
    """
    deleted = {service.id for service in request_log.services.values() if service.deleted}
    idempotent = {request.request_id for request in request_log.requests if request.key}
    for request, count in Counter(operation["request_id"] for operation in operations).items():
        if request in idempotent and count > 1:
            yield f"{request} created {count} operations"
    for kind in _OPERATED:
        listed = {operation["id"] for operation in operations if operation["kind"] == kind and operation["actor_id"]}
        answers = [request.answer for request in _accepted(request_log) if request.path.endswith(f"/{kind}")]
        named = Counter(answer["id"] for answer in answers)
        removed = {answer["id"] for answer in answers if answer["resource_id"] in deleted} - listed
        different = (listed ^ named.keys()) - removed
        yield from (f"{kind} {name}: only in the list or only in a response" for name in different)
        yield from (f"{kind} {name} was returned to {count} requests" for name, count in named.items() if count > 1)


def deployment_mismatches(request_log: RequestLog, events: list[Json]) -> Iterator[str]:
    """Yield deployments that differ from the responses. Scaling has no key, so each of its attempts may create one."""
    named = Counter(filter(None, map(_deployment, _accepted(request_log))))
    yield from (f"{name} was returned to {count} requests" for name, count in named.items() if count > 1)
    in_events = {event["data"]["deployment_id"] for event in events if event["type"] == "deploy.progress"}
    yield from (f"{name} was returned, but has no event" for name in named.keys() - in_events)
    attempts = sum(
        request.failed_attempts.total() + 1 for request in request_log.requests if request.path.endswith("/scale")
    )
    if len(in_events - named.keys()) > attempts:
        yield f"{len(in_events - named.keys())} deployments are in no response, with {attempts} attempts to scale"


def _accepted(request_log: RequestLog) -> Iterator[RecordedRequest]:
    return (request for request in request_log.completed if request.status in (201, 202) and request.method == "POST")


def _deployment(request: RecordedRequest) -> str | None:
    if request.path == "/services":
        return str(request.answer["deployment_id"])
    return str(request.answer["id"]) if request.path.endswith(("/deploy", "/rollback")) else None


def replay_mismatches(request_log: RequestLog, endpoint: Endpoint) -> Iterator[str]:
    """Yield requests with a key whose repetition returns another response."""
    client = RetryingClient(endpoint, Random(0), Event())
    for request in list(_accepted(request_log)):
        if request.key:
            replayed = client.send(
                RecordedRequest(request.number, request.method, request.path, request.body, request.key)
            )
            if (replayed.status, replayed.answer) != (request.status, request.answer):
                yield f"{request.summary} {request.answer}; now {replayed.status} {replayed.answer}"
    client.close()


def lost_services(request_log: RequestLog, ids: set[str]) -> Iterator[str]:
    """Yield services that are missing without a delete request, and deleted ones that still exist."""
    for service in request_log.services.values():
        if service.deleted is None and service.id not in ids:
            yield f"{service.id} was never deleted, but is missing"
        if service.deleted and service.deleted.status in (204, 404) and service.id in ids:
            yield f"{service.id} was deleted ({service.deleted.summary}), but still exists"
