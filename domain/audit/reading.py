"""Read the audit record: the list, one event, and all matching events for an export."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, Unpack

from domain.audit import chain
from domain.identity.access import Caller, not_found, sees
from domain.model.audit_event import ActorType, AuditEvent, AuditOutcome
from domain.ports import Ports
from domain.ports.repository import Page, Query
from domain.ports.store import Work
from domain.resources.queries import list_query

_FILTERS = ("actor_id", "action", "resource_type", "resource_id", "outcome", "request_id")
_BATCH = 500

ListAuditEventsParameters = TypedDict(
    "ListAuditEventsParameters",
    {
        "page": int,
        "per_page": int,
        "order": Literal["asc", "desc"],
        "sort": Literal["created_at"],
        "customer_id": str,
        "from": str,
        "to": str,
        "actor_id": str,
        "action": str,
        "resource_type": str,
        "resource_id": str,
        "outcome": AuditOutcome,
        "request_id": str,
    },
    total=False,
)
"""The query parameters of `list_audit_events`."""


@dataclass(frozen=True)
class AuditPage:
    """A page of events, and the first problem of the chains as far as these events show."""

    page: Page[AuditEvent]
    problem: str | None


def list_audit_events(ports: Ports, caller: Caller, **parameters: Unpack[ListAuditEventsParameters]) -> AuditPage:
    """Return a page of the events that the caller can see."""
    with ports.store.read() as work:
        page = work.audit_events.page(_query(caller, parameters))
        problem = _problem(work, page.items)
    return AuditPage(page.convert(lambda event: _as_seen(caller, event)), problem)


def get_audit_event(ports: Ports, caller: Caller, audit_event_id: str) -> AuditEvent:
    """Return the event, or raise NotFound."""
    with ports.store.read() as work:
        event = work.audit_events.get(audit_event_id)
    if event is None or not sees(caller, event.customer_id):
        raise not_found("Audit event", audit_event_id)
    return _as_seen(caller, event)


def export_audit_events(
    ports: Ports, caller: Caller, revalidate: Callable[[], None], **parameters: Unpack[ListAuditEventsParameters]
) -> Iterator[Sequence[AuditEvent]]:
    """Yield all matching events in batches, newest first. `revalidate` is called before each but the first.

    The query is checked, and the first batch read, when the function is called.
    """
    query = _query(caller, parameters)
    first = _older(ports, query, None)

    def batches() -> Iterator[Sequence[AuditEvent]]:
        batch = first
        while batch:
            yield [_as_seen(caller, event) for event in batch]
            revalidate()
            batch = _older(ports, query, batch[-1]) if len(batch) == _BATCH else ()

    return batches()


def _older(ports: Ports, query: Query, than: AuditEvent | None) -> Sequence[AuditEvent]:
    with ports.store.read() as work:
        return work.audit_events.older(query, than, _BATCH)


def _query(caller: Caller, parameters: ListAuditEventsParameters) -> Query:
    return list_query(caller, parameters, _FILTERS)


def _problem(work: Work, events: Sequence[AuditEvent]) -> str | None:
    """Return the first problem of these events, of those before them, and of the heads of the chains."""
    heads, key = work.audit_events.heads(), work.audit_events.key
    places = {(event.chain, event.number - 1) for event in events} | {(head.chain, head.number) for head in heads}
    hashes = work.audit_events.hashes(places)
    problems = (*chain.check_links(key, events, hashes), *chain.check_heads(key, heads, hashes))
    return next(iter(problems), None)


def _as_seen(caller: Caller, event: AuditEvent) -> AuditEvent:
    """Return the event without what tells a customer about people and programs that do not belong to it."""
    if caller.customer_id in (None, event.actor_customer_id) or event.actor_type is ActorType.SYSTEM:
        return event
    return replace(event, actor_id=None, actor_name=None, session_id=None, address=None)
