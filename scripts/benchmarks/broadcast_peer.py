"""The peer of the WebSocket server: broadcast messages from /publish to all other connections."""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, unix_serve

LISTENERS: set[ServerConnection] = set()


async def _handle(connection: ServerConnection) -> None:
    if connection.request and connection.request.path == "/publish":
        async for message in connection:
            broadcast(LISTENERS, message)
        return
    LISTENERS.add(connection)
    await connection.wait_closed()
    LISTENERS.discard(connection)


async def _main(path: str) -> None:
    async with unix_serve(_handle, path, compression=None, backlog=4096):
        await asyncio.Future()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(sys.argv[1]))
