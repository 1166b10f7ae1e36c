"""WebSocket clients that reconnect with their last sequence number, and record the received events."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from threading import Thread

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

_TIME_LIMIT = 10.0


@dataclass
class Watcher:
    """One client, with sequence number and ID of each received event."""

    name: str
    key: str
    received: list[tuple[int, str]] = field(default_factory=list)
    connections: int = 0
    """Number of successful connections."""
    cuts: int = 0
    """Number of lost connections."""
    failed_attempts: "Counter[int]" = field(default_factory=Counter)
    """Statuses of failed handshakes; 0 is a connection error."""
    closed: "Counter[int]" = field(default_factory=Counter)
    """Close codes; 1006 is a lost connection."""

    @property
    def last(self) -> int:
        """The sequence number to resume from."""
        return self.received[-1][0] if self.received else 0


class Watchers:
    """All clients in one thread; each connection uses another API at random."""

    def __init__(self, ports: list[int], watchers: list[Watcher], random: Random) -> None:
        self.all = watchers
        self._ports = ports
        self._random = random
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="watchers", daemon=True)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and end the thread."""
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._thread.join()

    def behind(self, newest: int) -> list[Watcher]:
        """Return the clients that have not received this event or a later one."""
        return [watcher for watcher in self.all if watcher.last < newest]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._watch())

    async def _watch(self) -> None:
        self._task = asyncio.ensure_future(self._all())
        await asyncio.wait([self._task])
        await asyncio.sleep(0.2)  # a connection releases its socket one loop iteration after it is closed

    async def _all(self) -> None:
        """Run all clients. When cancelled, the group waits until each task has closed its connection."""
        async with asyncio.TaskGroup() as group:
            for number, watcher in enumerate(self.all):
                group.create_task(self._follow(number, watcher))

    async def _follow(self, number: int, watcher: Watcher) -> None:
        turn = number
        while True:
            connections = watcher.connections
            await self._listen(watcher, self._ports[turn % len(self._ports)])
            watcher.cuts += watcher.connections - connections
            turn += self._random.randint(0, 1)
            await asyncio.sleep(self._random.uniform(0.05, 0.6))

    async def _listen(self, watcher: Watcher, port: int) -> None:
        """Receive events until the connection ends or fails."""
        uri = f"ws://127.0.0.1:{port}/api/ws?after={watcher.last}"
        headers = {"Authorization": f"Bearer {watcher.key}"}
        try:
            async with connect(uri, additional_headers=headers, proxy=None, open_timeout=_TIME_LIMIT) as socket:
                async for text in socket:
                    _record(watcher, text)
                watcher.closed[socket.close_code or 0] += 1
        except InvalidStatus as failed_attempts:
            watcher.failed_attempts[failed_attempts.response.status_code] += 1
        except ConnectionClosed as closed:
            watcher.closed[closed.rcvd.code if closed.rcvd else 1006] += 1
        except (OSError, InvalidHandshake, EOFError):
            watcher.failed_attempts[0] += 1


def _record(watcher: Watcher, text: str | bytes) -> None:
    message = orjson.loads(text)
    if message["type"] == "hello":
        watcher.connections += 1
    else:
        watcher.received.append((message["seq"], message["id"]))
