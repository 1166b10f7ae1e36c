"""Events: what happened, for whoever may see it."""

from dataclasses import dataclass
from datetime import timedelta

from domain.access import Caller, sees
from domain.errors import Gone
from domain.model import Event, EventType
from domain.ports import Ports, Work

_NEEDED = {
    EventType.DEPLOY_PROGRESS: "services.read",
    EventType.OPERATION_PROGRESS: "operations.read",
    EventType.SERVICE_STATUS: "services.read",
}
_READ_AT_ONCE = 500
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Batch:
    """Events that the caller may see; `next_after` lies behind those too that it may not."""

    events: tuple[Event, ...]
    next_after: int
    latest: int


def list_events(
    ports: Ports, caller: Caller, *, after: int | None = None, limit: int = 100, topic: str | None = None
) -> Batch:
    """At most `limit` events after a sequence number, or from the oldest on; raises Gone when some are missing."""
    with ports.store.read() as work:
        oldest, latest = work.events.bounds()
        if after is not None and after + 1 < oldest and after < latest:
            raise Gone(f"Events after {after} are gone", details=f"The oldest that is kept is {oldest}")
        return _visible(work, caller, oldest - 1 if after is None else after, limit, topic, latest)


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


def latest(ports: Ports) -> int:
    """The newest number: where a listener who wants only news begins."""
    with ports.store.read() as work:
        return work.events.bounds()[1]


def forget_old(ports: Ports) -> int:
    """Remove what is older than seven days; answer how many events."""
    before = ports.clock.now() - KEPT
    with ports.store.begin() as work:
        return work.events.forget(before)
