"""The JSON of events and of tickets for WebSocket connections."""

from domain.events import Batch, SocketTicket, event_types
from domain.model.event import Event
from handlers.serializers.values import Json, timestamp


def event(published: Event) -> Json:
    return event_types.event_json(published)


def event_page(batch: Batch) -> Json:
    return {
        "data": [event(published) for published in batch.events],
        "next_after": batch.next_after,
        "latest": batch.latest,
    }


def socket_ticket(ticket: SocketTicket) -> Json:
    return {
        "ticket": ticket.text,
        "url": ticket.url,
        "topics": ticket.topics,
        "expires_at": timestamp(ticket.expires_at),
    }
