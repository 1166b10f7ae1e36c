"""Handlers of the tag `events`."""

from collections.abc import Callable

from domain import events
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers, streams
from handlers.openapi31 import Answer
from handlers.serializers import events as serialize


def connect_websocket(ports: Ports, caller: Caller, *, after: int | None = None) -> Answer:
    """GET /ws"""
    return events.connect_websocket(ports, caller, after)


def create_ws_ticket(
    ports: Ports, caller: Caller, *, body: events.SocketTicketCreate | None = None, origin: str | None
) -> Answer:
    """POST /ws/tickets"""
    return answers.created(
        events.create_ws_ticket(ports, caller, body, origin), serialize.socket_ticket, **{"Cache-Control": "no-store"}
    )


def list_events(  # noqa: PLR0913
    ports: Ports,
    caller: Caller,
    *,
    accept: str,
    revalidate: Callable[[], None],
    after: int | None = None,
    limit: int = 100,
    topic: str | None = None,
    last_event_id: str | None = None,
) -> Answer:
    """GET /events"""
    return streams.events(
        ports,
        accept,
        revalidate,
        lambda start: events.list_events(ports, caller, after=start, limit=limit, topic=topic),
        after if last_event_id is None else int(last_event_id),
    )
