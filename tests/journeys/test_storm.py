"""Ten thousand handshakes, fifty at a time: connected clients receive all events, and no socket remains open."""

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

ANONYMOUS, AUTHENTICATED, AT_ONCE = 9_000, 1_000, 50
BUDGET = 60


@pytest.fixture
def quiet_panel(tmp_path: Path) -> Iterator[Process]:
    """A panel in memory that allows sixty requests a minute without a key."""
    process = Process(tmp_path, "", settings={"PANEL_RUNTIME": "memory", "PANEL_RATE_LIMIT_DEFAULT": str(BUDGET)})
    process.start()
    yield process
    process.kill()


def _auth_headers(process: Process) -> dict[str, str]:
    return {"Authorization": f"Bearer {process.key}"}


async def _connect_anonymous(process: Process) -> str:
    """Send a handshake without a key, and return the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    writer.write(
        b"GET /api/ws HTTP/1.1\r\nHost: panel\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    status = (await reader.readline()).split()[1].decode()
    writer.close()
    return status


async def _connect_authenticated(process: Process) -> str:
    """Connect with a key, and return the type of the first message."""
    async with connected(f"ws://127.0.0.1:{process.port}/api/ws", additional_headers=_auth_headers(process)) as client:
        return str(json.loads(await client.recv())["type"])


async def _storm(process: Process) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    slots = asyncio.Semaphore(AT_ONCE)

    async def connect_one(handshake: Coroutine[Any, Any, str]) -> None:
        async with slots:
            outcomes[await handshake] += 1

    every = ANONYMOUS // AUTHENTICATED + 1
    async with asyncio.TaskGroup() as group:
        for number in range(ANONYMOUS + AUTHENTICATED):
            group.create_task(
                connect_one(_connect_anonymous(process) if number % every else _connect_authenticated(process))
            )
    return outcomes


def _deploy_until(ended: threading.Event, process: Process) -> int:
    """Create services until the storm has ended; return how many."""
    made = []
    while not ended.wait(0.5):
        body = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}
        made.append(process.create(name=f"web-{len(made)}", **body))
    for service in made:
        assert process.wait_finished(service["operation_id"])["status"] == "succeeded"
    return len(made)


def _event_numbers(process: Process) -> list[int]:
    """Return the sequence numbers of all events."""
    numbers: list[int] = []
    while batch := process.ask("GET", f"/events?limit=500&after={numbers[-1] if numbers else 0}")["data"]:
        numbers += [event["seq"] for event in batch]
    return numbers


def _receive_numbers(client: ClientConnection, last: int) -> list[int]:
    """Receive events up to `last`, and return their sequence numbers."""
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


def test_ten_thousand_handshakes_disturb_no_client_and_leave_no_open_socket(quiet_panel: Process) -> None:
    outcomes: list[Counter[str]] = []
    ended = threading.Event()

    def storm() -> None:
        outcomes.append(asyncio.run(_storm(quiet_panel)))
        ended.set()

    with connect(f"ws://127.0.0.1:{quiet_panel.port}/api/ws", additional_headers=_auth_headers(quiet_panel)) as client:
        before = _open_sockets(quiet_panel)
        thread = threading.Thread(target=storm)
        thread.start()
        made = _deploy_until(ended, quiet_panel)
        thread.join()
        events = _event_numbers(quiet_panel)
        assert made > 3
        assert len(events) >= 2 * made
        assert _receive_numbers(client, events[-1]) == events
        assert outcomes[0]["hello"] == AUTHENTICATED
        assert outcomes[0]["401"] + outcomes[0]["429"] == ANONYMOUS
        assert outcomes[0]["401"] <= 2 * BUDGET, "a minute may end within the storm"
        until(lambda: _open_sockets(quiet_panel) <= before, 20, "all sockets are closed")
