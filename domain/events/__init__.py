"""Events: what happened, for whoever may see it; and the way to hear of it as it happens."""

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
