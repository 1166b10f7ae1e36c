"""Stream a file that is made while it is sent."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from domain.identity.access import Caller
from handlers.edge.threads import READS
from handlers.negotiation import EXTENSIONS, preferred_type
from handlers.openapi31 import Answer
from handlers.streams.open_streams import OpenStreams


class Send(Protocol):
    """`download` with its first arguments."""

    def __call__(self, chunks: Iterator[bytes], media_type: str) -> Answer: ...


def exported(
    accept: str, formats: Mapping[str, Callable[[], Iterator[bytes]]], send: Send, page: Callable[[], Answer]
) -> Answer:
    """Return everything in the format that `accept` prefers, made by the function for its media type, or a page."""
    media_type = preferred_type(accept, tuple(formats))
    return send(formats[media_type](), media_type) if media_type in formats else page()


def download(
    open_streams: OpenStreams, caller: Caller, chunks: Iterator[bytes], media_type: str, *, name: str
) -> Answer:
    """Return 200 with the chunks, which a browser saves as a file of this name.

    A chunk is made when the client has taken the one before. An error while chunks are made breaks the connection off,
    so that the client sees that the file is incomplete.
    """
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}.{EXTENSIONS[media_type]}"',
        "X-Accel-Buffering": "no",
    }
    return Answer(200, open_streams.open(caller, lambda: _read(chunks)), headers, media_type)


async def _read(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await READS.run(partial(next, chunks, None))) is not None:
        yield chunk
