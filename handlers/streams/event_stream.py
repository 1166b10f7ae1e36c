"""The response of every stream of server-sent events."""

from collections.abc import AsyncIterator

from handlers.negotiation import EVENT_STREAM
from handlers.openapi31 import Answer


def event_stream(chunks: AsyncIterator[bytes]) -> Answer:
    """Return the response that sends these chunks. No cache keeps it, and nginx does not collect it before it sends."""
    return Answer(200, chunks, {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, EVENT_STREAM)
