"""Events: what happened, for whoever may see it; and the way to hear of it as it happens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, TypedDict

from domain.errors import Gone, Invalid, NotFound, UpgradeRequired
from domain.identity import tokens, validity
from domain.identity.access import Caller, sees
from domain.model.api_key import ApiKey
from domain.model.event import Event, EventType
from domain.model.ticket import Ticket
from domain.ports import Ports
from domain.ports.store import Work

_NEEDED = {
    EventType.DEPLOY_PROGRESS: "services.read",
    EventType.OPERATION_PROGRESS: "operations.read",
    EventType.SERVICE_STATUS: "services.read",
}
_FOLLOWING = {
    "service": "services.read",
    "logs": "logs.read",
    "deployment": "services.read",
    "operation": "operations.read",
}
_READ_AT_ONCE = 500
KEPT = timedelta(days=7)
TICKET_LIFETIME = timedelta(seconds=30)


class SocketTicketCreate(TypedDict, total=False):
    """The body of `create_ws_ticket`: the topics that the ticket's connection may subscribe to, any if left out."""

    topics: list[str]


@dataclass(frozen=True)
class Batch:
    """Events that the caller may see; `next_after` lies behind those too that it may not."""

    events: tuple[Event, ...]
    next_after: int
    latest: int


@dataclass(frozen=True)
class SocketTicket:
    """A ticket with its text, which is shown this once, and where to go with it."""

    text: str
    url: str
    topics: tuple[str, ...] | None
    expires_at: datetime


def connect_websocket(ports: Ports, caller: Caller, after: int | None = None) -> NoReturn:  # noqa: ARG001 - as every rule
    """What a request without an upgrade gets; those with one are the socket server's."""
    raise UpgradeRequired("This path is a WebSocket", details="Connect with wss://, or read GET /api/events")


def create_ws_ticket(
    ports: Ports, caller: Caller, body: SocketTicketCreate | None = None, origin: str | None = None
) -> SocketTicket:
    """Create a ticket for one WebSocket connection; return it with its text, which is not stored.

    It is worth what the caller's credential is, and no longer. With `origin`, it is valid from that page alone. Raise
    Invalid for topics that the caller cannot follow.
    """
    now, text = ports.clock.now(), tokens.new_ticket()
    topics = tuple(body["topics"]) if body and "topics" in body else None
    expires_at = now + TICKET_LIFETIME
    with ports.store.begin() as work:
        principal, credential = validity.lock_credential(work, caller, now)
        _check_ticket_topics(work, caller, topics or ())
        ticket = Ticket(
            digest=tokens.digest(text),
            api_key_id=principal.id if isinstance(principal, ApiKey) else None,
            api_key_digest=credential.digest,
            expires_at=expires_at,
            session_id=credential.session_id,
            origin=origin,
            topics=topics,
            user_id=None if isinstance(principal, ApiKey) else principal.id,
        )
        work.tickets.add(ticket)
    # http becomes ws, https becomes wss
    return SocketTicket(text, f"ws{ports.settings.url.removeprefix('http')}/api/ws?ticket={text}", topics, expires_at)


def _check_ticket_topics(work: Work, caller: Caller, topics: Sequence[str]) -> None:
    closed = unseen(work, caller, topics)
    if closed:
        raise Invalid({f"topics.{topics.index(topic)}": why for topic, why in closed.items()})


def list_events(
    ports: Ports, caller: Caller, *, after: int | None = None, limit: int = 100, topic: str | None = None
) -> Batch:
    """At most `limit` events after a sequence number, or from the oldest on; raises Gone when some are missing."""
    with ports.store.read() as work:
        oldest, latest = _bounds(work, after)
        return _visible(work, caller, oldest - 1 if after is None else after, limit, topic, latest)


def _bounds(work: Work, after: int | None) -> tuple[int, int]:
    """The oldest number that is kept and the newest; raises Gone when some after this one are missing."""
    oldest, latest = work.events.bounds()
    if after is not None and after + 1 < oldest and after < latest:
        raise Gone(f"Events after {after} are gone", details=f"The oldest that is kept is {oldest}")
    return oldest, latest


def resume(ports: Ports, after: int) -> int:
    """The number to go on from for whoever has seen all up to this one; raises Gone when some are missing."""
    with ports.store.read() as work:
        return min(after, _bounds(work, after)[1])


def following(ports: Ports, after: int, limit: int) -> list[Event]:
    """Everybody's events: whoever asks must judge each by `may_see`."""
    with ports.store.read() as work:
        return work.events.after(after, limit)


def _visible(work: Work, caller: Caller, after: int, limit: int, topic: str | None, latest: int) -> Batch:
    seen: list[Event] = []
    while after < latest and len(seen) < limit:
        read = work.events.after(after, min(_READ_AT_ONCE, latest - after))
        for event in read:
            after = event.sequence
            if may_see(caller, event) and topic in (None, *topics(event)):
                seen.append(event)
            if len(seen) == limit:
                break
    return Batch(tuple(seen), after, latest)


def may_see(caller: Caller, event: Event) -> bool:
    """Whether what the event tells of exists for the caller, and it may read such things."""
    return sees(caller, event.customer_id) and _NEEDED[event.type] in caller.permissions


def topics(event: Event) -> tuple[str, ...]:
    """What it may be subscribed to by: its own resource, and those that it names."""
    named = ("service", "deployment", "operation")
    return tuple(f"{each}:{event.data[f'{each}_id']}" for each in named if event.data.get(f"{each}_id"))


def check_topics(ports: Ports, caller: Caller, topics: Sequence[str]) -> None:
    """Raise NotFound when the caller may not follow some of them; it says which and why."""
    with ports.store.read() as work:
        closed = unseen(work, caller, topics)
    if closed:
        raise NotFound(
            "Not all of these can be followed", details="; ".join(f"{one}: {why}" for one, why in closed.items())
        )


def unseen(work: Work, caller: Caller, topics: Sequence[str]) -> dict[str, str]:
    """The topics that the caller may not follow, and why: a right lacks, or what they name does not exist for it."""
    owners = _owners(work, {topic.partition(":")[2] for topic in topics})
    closed = {}
    for topic in topics:
        kind, _, entity_id = topic.partition(":")
        if _FOLLOWING[kind] not in caller.permissions:
            closed[topic] = f"This needs the permission {_FOLLOWING[kind]}"
        elif entity_id not in owners or not sees(caller, owners[entity_id]):
            closed[topic] = f"There is no {entity_id}"
    return closed


def _owners(work: Work, ids: Collection[str]) -> dict[str, str | None]:
    """Whose each of these things is, as far as they exist; ids of one noun are never those of another."""
    services = {one.id: one.customer_id for one in work.services.get_many(ids).values()}
    deployments = {one.id: one.customer_id for one in work.deployments.get_many(ids).values()}
    operations = {one.id: one.customer_id for one in work.operations.get_many(ids).values()}
    return services | deployments | operations


def latest(ports: Ports) -> int:
    """The newest number: where a listener who wants only news begins."""
    with ports.store.read() as work:
        return work.events.bounds()[1]


def forget_old(ports: Ports) -> int:
    """Remove what is older than seven days; answer how many events."""
    before = ports.clock.now() - KEPT
    with ports.store.begin() as work:
        return work.events.remove_before(before)
