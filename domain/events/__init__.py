"""Events: changes of resources, and the tickets to receive them over a WebSocket."""

from domain.events.stream import (
    Batch,
    SocketTicket,
    SocketTicketCreate,
    check_topics,
    compress_old,
    connect_websocket,
    create_ws_ticket,
    first_cursor,
    latest,
    list_events,
    may_see,
    read_after,
    remove_old,
    resume,
    topics,
)

__all__ = [
    "Batch",
    "SocketTicket",
    "SocketTicketCreate",
    "check_topics",
    "compress_old",
    "connect_websocket",
    "create_ws_ticket",
    "first_cursor",
    "latest",
    "list_events",
    "may_see",
    "read_after",
    "remove_old",
    "resume",
    "topics",
]
