"""Handlers of the tag `events`."""

from domain import events
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers, streams
from handlers.openapi31 import Answer
from handlers.serializers import events as serialize
from handlers.streams import EventFeed, OpenStreams


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
    open_streams: OpenStreams,
    feed: EventFeed,
    after: int | None = None,
    limit: int = 100,
    topic: str | None = None,
    last_event_id: str | None = None,
) -> Answer:
    """GET /events"""
    start = after if last_event_id is None else int(last_event_id)
    return streams.events(
        accept,
        lambda: events.list_events(ports, caller, after=start, limit=limit, topic=topic),
        lambda: open_streams.open(caller, lambda: feed.follow(caller, topic, events.first_cursor(ports, start))),
    )
