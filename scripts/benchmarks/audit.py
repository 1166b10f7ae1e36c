"""What the audit record costs: CPU time of `audit verify`, and of requests that write, with and without their events.

It runs in this process, on SQLite in a temporary folder. Rounds of a write alternate between both ways.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import click
import orjson

from domain import api_keys
from domain.adapters.sql import store
from domain.adapters.sql.audit_chains import append
from domain.adapters.sql.engines import connect, transaction
from domain.audit import verify
from domain.audit.chain import timestamp
from domain.model.audit_event import ActorType, AuditEvent, AuditOutcome, FieldChange
from domain.model.identifiers import id_at
from domain.model.role import Role
from domain.ports import Ports
from domain.settings import Settings
from handlers import server
from handlers.program import wiring

SERVICE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}
CHANGES = (FieldChange("name", "web", "shop"), FieldChange("limits.cpu", "1", "2"))
_BATCH = 5000
Write = Callable[[int], Awaitable[object]]


@contextmanager
def _open_ports(folder: Path) -> Iterator[Ports]:
    many = 1_000_000
    settings = Settings(data_dir=folder, runtime="memory", rate_limit_authenticated=many, rate_limit_deploy=many)
    ports = wiring.open_ports(settings)
    yield ports
    ports.notifier.close()
    ports.store.close()


def _fill(ports: Ports, folder: Path, events: int) -> None:
    """Append events as requests leave them."""
    engines = connect(f"sqlite:///{folder / 'panel.db'}")
    with ports.store.read() as work:
        key = work.audit_events.key
    for start in range(0, events, _BATCH):
        drafts = [_draft(ports, number) for number in range(start, min(events, start + _BATCH))]
        with transaction(engines.write) as connection:
            append(connection, key, drafts)
    engines.close()


def _draft(ports: Ports, number: int) -> Callable[..., AuditEvent]:
    now = timestamp(ports.clock.now())
    return partial(
        AuditEvent,
        id=id_at("aud", now),
        created_at=now,
        action="update_service",
        outcome=AuditOutcome.SUCCEEDED,
        actor_type=ActorType.API_KEY,
        actor_id="key_01k9zq3v6m8r4t2w0x5y7b9c1d",
        actor_name="ci",
        actor_customer_id=None,
        session_id=None,
        address="192.0.2.7",
        resource_type="service",
        resource_id=f"svc_{number:026}",
        customer_id="cust_01k9zq3v6m8r4t2w0x5y7b9c1d",
        request_id=f"req_{number:026}",
        error_code=None,
        changes=CHANGES,
    )


def _verify(ports: Ports) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    reports = list(verify(ports.store))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    events = sum(report.events for report in reports)
    assert not any(report.problems for report in reports)
    million = 1_000_000 / events
    click.echo(f"audit verify, {events:,} events        {cpu:.2f} s of CPU, {wall:.2f} s of time")
    click.echo(f"audit verify, for each 1,000,000   {cpu * million:.1f} s of CPU, {wall * million:.1f} s of time")


@dataclass(frozen=True)
class _Panel:
    """The whole panel, to which requests go without a network."""

    app: Any
    key: str

    async def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON of a response that says that all went well."""
        content, response = orjson.dumps(body), list[dict[str, Any]]()
        headers = {"host": "localhost", "authorization": f"Bearer {self.key}", "content-type": "application/json"}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": f"/api{path}",
            "raw_path": f"/api{path}".encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.7", 40000),
            "server": ("localhost", 8080),
        }
        received = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not received:
                await asyncio.Event().wait()  # the client stays
            return received.pop()

        async def send(message: dict[str, Any]) -> None:
            response.append(message)

        await self.app(scope, receive, send)
        assert response[0]["status"] < 300, response
        return dict(orjson.loads(b"".join(message.get("body", b"") for message in response)))


async def _writes(panel: _Panel) -> dict[str, Write]:
    """Return writes from the least to the most work. Each takes a number that no other call has."""
    organization = (await panel.send("POST", "/organizations", {"name": "Bench"}))["id"]
    send = panel.send
    return {
        "update_organization": lambda number: send("PATCH", f"/organizations/{organization}", {"name": f"B {number}"}),
        "create_organization": lambda number: send("POST", "/organizations", {"name": f"O {number}"}),
        "create_api_key": lambda number: send("POST", "/v1/api-keys", {"name": f"ci-{number}", "role": "viewer"}),
        "create_service": lambda number: send("POST", "/services", {**SERVICE, "name": f"web-{number}"}),
    }


async def _compare_writes(ports: Ports, rounds: int, size: int) -> None:
    panel = _Panel(server.create(ports), api_keys.create_unbounded_key(ports, "bench", Role.ADMIN))
    numbers = count()
    for name, write in (await _writes(panel)).items():
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(rounds + 1):
            for recorded, times in taken.items():
                with nullcontext() if recorded else _without_audit():
                    times.append(await _round(write, numbers, size))
        plain, audited = (median(times[1:]) for times in taken.values())
        click.echo(f"{name:20} {plain:.2f} ms of CPU, recorded {audited:.2f} ms, {100 * (audited / plain - 1):+.0f} %")


def _without_audit() -> AbstractContextManager[object]:
    """Let the store know of no action, so that it records nothing."""
    return patch.object(store, "current_action", lambda: None)


async def _round(write: Write, numbers: Iterator[int], size: int) -> float:
    """Return the CPU time of a write in milliseconds."""
    begin = time.process_time()
    for _ in range(size):
        await write(next(numbers))
    return 1000 * (time.process_time() - begin) / size


@click.command(help=__doc__)
@click.option("--events", default=100_000, show_default=True, help="Events that `audit verify` checks.")
@click.option("--rounds", default=20, show_default=True, help="Rounds of each write; 0 leaves writes out.")
@click.option("--size", default=20, show_default=True, help="Writes in a round.")
def main(events: int, rounds: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder, _open_ports(Path(folder)) as ports:
        if rounds:
            asyncio.run(_compare_writes(ports, rounds, size))
        _fill(ports, Path(folder), events)
        _verify(ports)


if __name__ == "__main__":
    main()
