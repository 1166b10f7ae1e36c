"""Stream a file that is made while it is sent."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

from domain.identity.access import Caller
from handlers.edge.threads import READS
from handlers.openapi31 import Answer
from handlers.streams.open_streams import OpenStreams


def download(
    open_streams: OpenStreams, caller: Caller, chunks: Iterator[bytes], media_type: str, filename: str
) -> Answer:
    """Return 200 with the chunks, which a browser saves under the name.

    A chunk is made when the client has taken the one before. An error while chunks are made breaks the connection off,
    so that the client sees that the file is incomplete.
    """
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{filename}"',
        "X-Accel-Buffering": "no",
    }
    return Answer(200, open_streams.open(caller, lambda: _read(chunks)), headers, media_type)


async def _read(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await READS.run(partial(next, chunks, None))) is not None:
        yield chunk
