"""Ten thousand handshakes, fifty at a time: whoever listens already goes on hearing, and nothing is left behind."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as connected
from websockets.sync.client import ClientConnection, connect

from tests.process import Process, until

STRANGERS, FRIENDS, AT_ONCE = 9_000, 1_000, 50
BUDGET = 60


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Process]:
    """A panel without containers, that lets strangers ask sixty times a minute."""
    process = Process(tmp_path, "", settings={"PANEL_RUNTIME": "memory", "PANEL_RATE_LIMIT_DEFAULT": str(BUDGET)})
    process.start()
    yield process
    process.kill()


def _sent(process: Process) -> dict[str, str]:
    return {"Authorization": f"Bearer {process.key}"}


async def _stranger(process: Process) -> str:
    """The status that somebody without a key is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    writer.write(
        b"GET /api/ws HTTP/1.1\r\nHost: panel\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    status = (await reader.readline()).split()[1].decode()
    writer.close()
    return status


async def _friend(process: Process) -> str:
    """The first message to somebody with a key, who leaves then."""
    async with connected(f"ws://127.0.0.1:{process.port}/api/ws", additional_headers=_sent(process)) as client:
        return str(json.loads(await client.recv())["type"])


async def _storm(process: Process) -> Counter[str]:
    told: Counter[str] = Counter()
    places = asyncio.Semaphore(AT_ONCE)

    async def come(visit: Coroutine[Any, Any, str]) -> None:
        async with places:
            told[await visit] += 1

    every = STRANGERS // FRIENDS + 1
    async with asyncio.TaskGroup() as group:
        for number in range(STRANGERS + FRIENDS):
            group.create_task(come(_stranger(process) if number % every else _friend(process)))
    return told


def _work_until(ended: threading.Event, process: Process) -> int:
    """Deploy until the storm has ended; how many services there are then."""
    made = []
    while not ended.wait(0.5):
        body = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}
        made.append(process.create(name=f"web-{len(made)}", **body))
    for each in made:
        assert process.ended(each["operation_id"])["status"] == "succeeded"
    return len(made)


def _told(process: Process) -> list[int]:
    """The numbers of all events."""
    numbers: list[int] = []
    while batch := process.ask("GET", f"/events?limit=500&after={numbers[-1] if numbers else 0}")["data"]:
        numbers += [event["seq"] for event in batch]
    return numbers


def _heard(client: ClientConnection, last: int) -> list[int]:
    """The numbers of those that a listener heard, up to the last."""
    numbers: list[int] = []
    while not numbers or numbers[-1] < last:
        message = json.loads(client.recv(10))
        numbers += [message["seq"]] if message["type"] != "hello" else []
    return numbers


def _open_sockets(process: Process) -> int:
    assert process._child
    number = 0
    for file in Path(f"/proc/{process._child.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            number += str(file.readlink()).startswith("socket:")
    return number


def test_ten_thousand_handshakes_disturb_no_listener_and_leave_nothing_behind(calm: Process) -> None:
    told: list[Counter[str]] = []
    ended = threading.Event()

    def storm() -> None:
        told.append(asyncio.run(_storm(calm)))
        ended.set()

    with connect(f"ws://127.0.0.1:{calm.port}/api/ws", additional_headers=_sent(calm)) as client:
        before = _open_sockets(calm)
        coming = threading.Thread(target=storm)
        coming.start()
        made = _work_until(ended, calm)
        coming.join()
        events = _told(calm)
        assert made > 3
        assert len(events) >= 2 * made
        assert _heard(client, events[-1]) == events
        assert told[0]["hello"] == FRIENDS
        assert told[0]["401"] + told[0]["429"] == STRANGERS
        assert told[0]["401"] <= 2 * BUDGET, "a minute may end within the storm"
        until(lambda: _open_sockets(calm) <= before, 20, "all have left")
