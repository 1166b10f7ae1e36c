"""Listeners at WebSockets who come back with their last number whenever they are cut, and remember what came."""

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
    """One listener, and the numbers and ids of all events that it got."""

    name: str
    key: str
    told: list[tuple[int, str]] = field(default_factory=list)
    greeted: int = 0
    """How often it was let in."""
    cuts: int = 0
    """How often it had been let in and was cut."""
    refused: "Counter[int]" = field(default_factory=Counter)
    """Statuses of handshakes that failed."""
    closed: "Counter[int]" = field(default_factory=Counter)
    """Codes that it was closed with; 1006 is a connection that was cut."""

    @property
    def last(self) -> int:
        """The number to go on from."""
        return self.told[-1][0] if self.told else 0


class Watchers:
    """All of them in one thread, at doors that they choose anew each time."""

    def __init__(self, doors: list[int], watchers: list[Watcher], chance: Random) -> None:
        self.all = watchers
        self._doors = doors
        self._chance = chance
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="watchers", daemon=True)
        self._going_on: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Every socket is closed when this returns."""
        self._loop.call_soon_threadsafe(lambda: self._going_on and self._going_on.cancel())
        self._thread.join()

    def behind(self, newest: int) -> list[Watcher]:
        """Those that have not got this event yet, nor a later one."""
        return [watcher for watcher in self.all if watcher.last < newest]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._watch())

    async def _watch(self) -> None:
        self._going_on = asyncio.ensure_future(self._all())
        await asyncio.wait([self._going_on])
        await asyncio.sleep(0.2)  # a connection lets go of its socket a turn of the loop after it was closed

    async def _all(self) -> None:
        """A group waits for its tasks when it is cancelled: each closes its socket."""
        async with asyncio.TaskGroup() as group:
            for number, watcher in enumerate(self.all):
                group.create_task(self._follow(number, watcher))

    async def _follow(self, number: int, watcher: Watcher) -> None:
        turn = number
        while True:
            greeted = watcher.greeted
            await self._listen(watcher, self._doors[turn % len(self._doors)])
            watcher.cuts += watcher.greeted - greeted
            turn += self._chance.randint(0, 1)
            await asyncio.sleep(self._chance.uniform(0.05, 0.6))

    async def _listen(self, watcher: Watcher, door: int) -> None:
        """Returns when the connection is gone, or never was."""
        uri = f"ws://127.0.0.1:{door}/api/ws?after={watcher.last}"
        headers = {"Authorization": f"Bearer {watcher.key}"}
        try:
            async with connect(uri, additional_headers=headers, proxy=None, open_timeout=_TIME_LIMIT) as socket:
                async for text in socket:
                    _note(watcher, text)
                watcher.closed[socket.close_code or 0] += 1
        except InvalidStatus as refused:
            watcher.refused[refused.response.status_code] += 1
        except ConnectionClosed as closed:
            watcher.closed[closed.rcvd.code if closed.rcvd else 1006] += 1
        except (OSError, InvalidHandshake, EOFError):
            watcher.refused[0] += 1


def _note(watcher: Watcher, text: str | bytes) -> None:
    message = orjson.loads(text)
    if message["type"] == "hello":
        watcher.greeted += 1
    else:
        watcher.told.append((message["seq"], message["id"]))
