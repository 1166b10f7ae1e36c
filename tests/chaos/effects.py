"""Whether every request had the effect that its answer tells of, and had it once."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from threading import Event

from tests.chaos.asking import Asked, Entrance, Ledger, Visitor
from tests.chaos.reading import Json

_OPERATED = ("start", "stop", "restart")


def uncreated(ledger: Ledger) -> Iterator[str]:
    """Names are never used twice, so a create that is repeated can only get its first answer."""
    for asked in ledger.answered:
        if asked.path == "/services" and asked.status != 201:
            yield f"{asked.told} {asked.answer}"


def services_wrong(ledger: Ledger, events: list[Json]) -> Iterator[str]:
    """The services that events tell of are those that answers tell of."""
    told = {event["data"]["service_id"] for event in events}
    for service in told ^ ledger.services.keys():
        yield f"{service} is told of by {'events' if service in told else 'an answer'} alone"


def operations_wrong(ledger: Ledger, operations: list[Json]) -> Iterator[str]:
    """A request with a key has made one operation at most; one that operates a service has made what it names."""
    once = {asked.request_id for asked in ledger.asked if asked.key}
    for request, count in Counter(one["request_id"] for one in operations).items():
        if request in once and count > 1:
            yield f"{request} made {count} operations"
    for kind in _OPERATED:
        made = {one["id"] for one in operations if one["kind"] == kind and one["actor_id"]}
        named = Counter(asked.answer["id"] for asked in _accepted(ledger) if asked.path.endswith(f"/{kind}"))
        yield from (f"{kind} {one}: in the list or in an answer alone" for one in made ^ named.keys())
        yield from (f"{kind} {one} was the answer to {count} requests" for one, count in named.items() if count > 1)


def deployments_wrong(ledger: Ledger, events: list[Json]) -> Iterator[str]:
    """Each request got a deployment of its own; only scaling, which has no key, may have made more than answered."""
    named = Counter(filter(None, map(_deployment, _accepted(ledger))))
    yield from (f"{one} was the answer to {count} requests" for one, count in named.items() if count > 1)
    told = {event["data"]["deployment_id"] for event in events if event["type"] == "deploy.progress"}
    yield from (f"{one} was answered and no event tells of it" for one in named.keys() - told)
    tries = sum(asked.refused.total() + 1 for asked in ledger.asked if asked.path.endswith("/scale"))
    if len(told - named.keys()) > tries:
        yield f"{len(told - named.keys())} deployments nobody was answered of, with {tries} tries to scale"


def _accepted(ledger: Ledger) -> Iterator[Asked]:
    return (asked for asked in ledger.answered if asked.status in (201, 202) and asked.method == "POST")


def _deployment(asked: Asked) -> str | None:
    if asked.path == "/services":
        return str(asked.answer["deployment_id"])
    return str(asked.answer["id"]) if asked.path.endswith(("/deploy", "/rollback")) else None


def answers_wrong(ledger: Ledger, entrance: Entrance) -> Iterator[str]:
    """Sent once more, each request with a key gets the answer that it got."""
    visitor = Visitor(entrance, Random(0), Event())
    for asked in list(_accepted(ledger)):
        if asked.key:
            again = visitor.ask(Asked(asked.number, asked.method, asked.path, asked.body, asked.key))
            if (again.status, again.answer) != (asked.status, asked.answer):
                yield f"{asked.told} {asked.answer}; now {again.status} {again.answer}"
    visitor.close()


def lost(ledger: Ledger, ids: set[str]) -> Iterator[str]:
    """Services that nobody asked to delete are there, and those that are deleted are not."""
    for known in ledger.services.values():
        if known.deleted is None and known.id not in ids:
            yield f"{known.id} was never deleted, and is gone"
        if known.deleted and known.deleted.status in (204, 404) and known.id in ids:
            yield f"{known.id} was deleted ({known.deleted.told}), and is there"
