"""Events, over HTTP."""

from collections.abc import Callable

from domain import events
from domain.access import Caller
from domain.ports import Ports
from handlers import streams
from handlers.openapi31 import Answer


def list_events(  # noqa: PLR0913
    ports: Ports,
    caller: Caller,
    *,
    accept: str,
    look_again: Callable[[], None],
    after: int | None = None,
    limit: int = 100,
    topic: str | None = None,
    last_event_id: int | None = None,
) -> Answer:
    """GET /events"""
    return streams.events(
        ports,
        accept,
        look_again,
        lambda start: events.list_events(ports, caller, after=start, limit=limit, topic=topic),
        after if last_event_id is None else last_event_id,
    )
