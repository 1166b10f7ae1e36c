"""Events: what changed, and the tickets to receive it over a WebSocket."""

from domain.events.stream import (
    TICKET_LIFETIME,
    Batch,
    SocketTicket,
    SocketTicketCreate,
    check_topics,
    connect_websocket,
    create_ws_ticket,
    following,
    forget_old,
    latest,
    list_events,
    may_see,
    resume,
    topics,
    unseen,
)

__all__ = [
    "TICKET_LIFETIME",
    "Batch",
    "SocketTicket",
    "SocketTicketCreate",
    "check_topics",
    "connect_websocket",
    "create_ws_ticket",
    "following",
    "forget_old",
    "latest",
    "list_events",
    "may_see",
    "resume",
    "topics",
    "unseen",
]
