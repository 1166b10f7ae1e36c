"""Read the events that a caller may see, and check the topics that it subscribes to."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, Protocol, TypedDict

from domain.errors import Gone, NotFound, UpgradeRequired
from domain.identity import tokens, validity
from domain.identity.access import Caller, sees
from domain.model.api_key import ApiKey
from domain.model.event import Event
from domain.model.ticket import Ticket
from domain.ports import Ports
from domain.ports.store import Work


class _Owned(Protocol):
    """A resource of a customer, or of the panel itself (`customer_id` is None)."""

    @property
    def id(self) -> str: ...
    @property
    def customer_id(self) -> str | None: ...


@dataclass(frozen=True)
class Topic:
    """A kind of topic (`kind:id`): the permission to follow it, and how to load the resources that it names."""

    permission: str
    load: Callable[[Work, Collection[str]], Iterable[_Owned]]


def _services(work: Work, ids: Collection[str]) -> Iterable[_Owned]:
    return work.services.get_many(ids).values()


def _deployments(work: Work, ids: Collection[str]) -> Iterable[_Owned]:
    return work.deployments.get_many(ids).values()


def _operations(work: Work, ids: Collection[str]) -> Iterable[_Owned]:
    return work.operations.get_many(ids).values()


# A new kind of topic needs one entry here.
TOPICS = {
    "service": Topic("services.read", _services),
    "logs": Topic("logs.read", _services),
    "deployment": Topic("services.read", _deployments),
    "operation": Topic("operations.read", _operations),
}
_BATCH_SIZE = 500
RETENTION = timedelta(days=7)
_UNCOMPRESSED = 2000  # newest events, which clients read most often
_MAX_COMPRESSIONS = 200  # in one run
TICKET_LIFETIME = timedelta(seconds=30)


class SocketTicketCreate(TypedDict, total=False):
    """The body of `create_ws_ticket`: the topics that the ticket's connection may subscribe to, any if left out."""

    topics: list[str]


@dataclass(frozen=True)
class Batch:
    """Events that the caller may see. `next_after` is the last number read, including events that it may not see."""

    events: tuple[Event, ...]
    next_after: int
    latest: int


@dataclass(frozen=True)
class SocketTicket:
    """A new ticket: its text, which is not stored, and the URL to connect to."""

    text: str
    url: str
    topics: tuple[str, ...] | None
    expires_at: datetime


def connect_websocket(ports: Ports, caller: Caller, after: int | None = None) -> NoReturn:  # noqa: ARG001 - as every rule
    """Raise UpgradeRequired: the WebSocket server handles requests that ask for an upgrade."""
    raise UpgradeRequired("This path is a WebSocket", details="Connect with wss://, or read GET /api/events")


def create_ws_ticket(
    ports: Ports, caller: Caller, body: SocketTicketCreate | None = None, origin: str | None = None
) -> SocketTicket:
    """Create a ticket for one WebSocket connection; return it with its text, which is not stored.

    The ticket is valid only as long as the caller's credential. With `origin`, it is valid from that origin alone.
    Raise Invalid for topics that the caller cannot follow.
    """
    now, text = ports.clock.now(), tokens.new_ticket()
    topics = tuple(body["topics"]) if body and "topics" in body else None
    expires_at = now + TICKET_LIFETIME
    with ports.store.begin() as work:
        principal, credential = validity.lock_credential(work, caller, now)
        _require_topics(work, caller, topics or ())
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


def list_events(
    ports: Ports, caller: Caller, *, after: int | None = None, limit: int = 100, topic: str | None = None
) -> Batch:
    """Return at most `limit` events after a sequence number, or from the oldest.

    Raise Gone if some were removed, or if there is no event with that number yet.
    """
    with ports.store.read() as work:
        oldest, latest = _bounds(work, after)
        return _visible(work, caller, oldest - 1 if after is None else after, limit, topic, latest)


def _bounds(work: Work, after: int | None) -> tuple[int, int]:
    """Return the oldest and the newest stored number.

    Raise Gone if events after `after` were removed, or if no event has had this number: then the client has numbers of
    another database, such as the one before a backup was restored, and would miss events without noticing.
    """
    oldest, latest = work.events.bounds()
    if after is not None and after > latest:
        message = f"No event has the number {after} yet"
        raise Gone(message, code="cursor_unknown", details=f"The newest is {latest}. Read everything again")
    if after is not None and after + 1 < oldest and after < latest:
        raise Gone(f"Events after {after} are gone", details=f"The oldest that is kept is {oldest}")
    return oldest, latest


def resume(ports: Ports, after: int) -> int:
    """Return the number to resume from for a client that received all events up to `after`.

    Raise Gone if some after it were removed, or if there is no event with that number yet.
    """
    with ports.store.read() as work:
        _bounds(work, after)
    return after


def first_cursor(ports: Ports, after: int | None) -> int:
    """Return the number after which a stream begins: the newest one if `after` is None. Raise Gone as `resume` does."""
    return latest(ports) if after is None else resume(ports, after)


def read_after(ports: Ports, after: int, limit: int) -> list[Event]:
    """Return events of all customers after a number. The caller must filter them with `may_see`."""
    with ports.store.read() as work:
        return work.events.after(after, limit)


def _visible(work: Work, caller: Caller, after: int, limit: int, topic: str | None, latest: int) -> Batch:
    visible: list[Event] = []
    while after < latest and len(visible) < limit:
        read = work.events.after(after, min(_BATCH_SIZE, latest - after))
        for event in read:
            after = event.sequence
            if may_see(caller, event) and topic in (None, *topics(event)):
                visible.append(event)
            if len(visible) == limit:
                break
    return Batch(tuple(visible), after, latest)


def may_see(caller: Caller, event: Event) -> bool:
    """Return whether the caller can see the event's resource and has the permission to read its kind."""
    kind = event.resource.partition(":")[0]
    return sees(caller, event.customer_id) and TOPICS[kind].permission in caller.permissions


def topics(event: Event) -> tuple[str, ...]:
    """Return the topics that deliver the event: one for each resource whose id is in its data."""
    return tuple(f"{kind}:{event.data[f'{kind}_id']}" for kind in TOPICS if event.data.get(f"{kind}_id"))


def check_topics(ports: Ports, caller: Caller, topics: Sequence[str]) -> None:
    """Raise NotFound, with each topic and the reason, if the caller cannot follow all of them."""
    with ports.store.read() as work:
        _require_topics(work, caller, topics)


def _require_topics(work: Work, caller: Caller, topics: Sequence[str]) -> None:
    hidden = _hidden_topics(work, caller, topics)
    if hidden:
        raise NotFound(
            "Not all of these can be followed",
            details="; ".join(f"{topic}: {reason}" for topic, reason in hidden.items()),
        )


def _hidden_topics(work: Work, caller: Caller, topics: Sequence[str]) -> dict[str, str]:
    """Return the topics that the caller cannot follow, each with the reason."""
    owners = _owners(work, topics)
    hidden = {}
    for topic in topics:
        kind, _, resource_id = topic.partition(":")
        permission = TOPICS[kind].permission
        if permission not in caller.permissions:
            hidden[topic] = f"This needs the permission {permission}"
        elif topic not in owners or not sees(caller, owners[topic]):
            hidden[topic] = f"There is no {resource_id}"
    return hidden


def _owners(work: Work, topics: Sequence[str]) -> dict[str, str | None]:
    """Return the customer's id of each topic whose resource exists (None: the panel's own). One query per kind."""
    owners: dict[str, str | None] = {}
    for kind in {topic.partition(":")[0] for topic in topics}:
        ids = {topic.partition(":")[2] for topic in topics if topic.startswith(f"{kind}:")}
        owners |= {f"{kind}:{resource.id}": resource.customer_id for resource in TOPICS[kind].load(work, ids)}
    return owners


def latest(ports: Ports) -> int:
    """Return the newest number: the start for a client that wants only new events."""
    with ports.store.read() as work:
        return work.events.bounds()[1]


def remove_old(ports: Ports) -> int:
    """Remove events older than seven days. Return how many were removed."""
    before = ports.clock.now() - RETENTION
    with ports.store.begin() as work:
        return work.events.remove_before(before)


def compress_old(ports: Ports) -> int:
    """Compress all but the newest events. Return how many were compressed."""
    total = 0
    for _ in range(_MAX_COMPRESSIONS):
        with ports.store.begin() as work:
            compressed = work.events.compress(_UNCOMPRESSED)
        total += compressed
        if not compressed:
            break
    return total
