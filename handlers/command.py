"""The program `ai-admin-panel`: starts the doors, makes keys, and says what is wrong."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from threading import Event
from typing import Any

import click
import uvicorn

from domain import api_keys, settings, system
from domain.adapters import forwarder
from domain.errors import Refusal
from domain.model import Role
from domain.ports import Ports
from domain.settings import BadSetting, Settings
from handlers import logs, server, wiring
from handlers.worker import Worker


def _told(act: Callable[..., Any]) -> Callable[..., Any]:
    """What a person can mend is said in one line, without a trace."""

    @wraps(act)
    def telling(**options: Any) -> Any:  # noqa: ANN401
        try:
            return act(**options)
        except (BadSetting, Refusal) as fault:
            raise click.ClickException(str(fault)) from fault

    return telling


@click.group(help="A self-hosted hosting panel on Docker. Settings come from the environment: see `check`.")
@click.version_option(system.version(), prog_name="ai-admin-panel")
def main() -> None:
    """Collect the commands."""
    logs.configure()


@main.command()
@_told
def serve() -> None:
    """Start everything in one process: the API and the worker."""
    configured = settings.read(os.environ)
    ports = wiring.open_ports(configured)
    worker = _started(ports)
    try:
        _greet(ports)
        _listen(ports)
    finally:
        _stopped(ports, worker)


@main.command()
@_told
def api() -> None:
    """Start the API alone; the work is done by `worker` processes on the same database."""
    ports = wiring.open_ports(settings.read(os.environ))
    _greet(ports)
    _listen(ports)


@main.command()
@_told
def worker() -> None:
    """Start a worker alone: deployments, the look after containers, and the routes of this host."""
    ports = wiring.open_ports(settings.read(os.environ))
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    running = _started(ports)
    click.echo("The worker waits for work. Stop it with Ctrl-C.")
    ended.wait()
    _stopped(ports, running)


@main.command("create-key")
@click.option("--name", default="admin", show_default=True, help="What the key is for.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="admin", show_default=True)
@click.option("--customer", "customer_id", help="The customer that the key is bound to.")
@_told
def create_key(name: str, role: str, customer_id: str | None) -> None:
    """Print a new API key. Needs the data folder and the database, not the network."""
    ports = wiring.open_ports(settings.read(os.environ))
    click.echo(api_keys.make_key(ports, name, Role(role), customer_id))


@main.command()
def check() -> None:
    """Say what is wrong with the settings, the database and the engine, and what to do."""
    for field in fields(Settings):
        name = f"PANEL_{field.name.upper()}"
        click.echo(f"{name:32} {os.environ.get(name) or field.default!s:28} {field.metadata['doc']}")
    for name in settings.unknown(os.environ):
        click.secho(f"{name:32} is not a setting; is it mistyped?", fg="yellow")
    try:
        checks = system.checks(wiring.open_ports(settings.read(os.environ)))
    except (BadSetting, Refusal) as fault:
        raise click.ClickException(str(fault)) from fault
    for name, found in checks.items():
        click.secho(f"{name:32} {found.detail}", fg="green" if found.status == "ok" else "red")
    if any(found.status != "ok" for found in checks.values()):
        sys.exit(1)


def _greet(ports: Ports) -> None:
    first = api_keys.first_key(ports)
    click.secho(f"AI Admin Panel {system.version()} at {ports.settings.url}/api/docs", bold=True)
    if ports.settings.runtime == "memory":
        click.secho("PANEL_RUNTIME is memory: NOTHING IS REALLY DEPLOYED, and all of it is gone at the end.", fg="red")
    if first:
        click.echo("The first admin key, shown this once:")
        click.secho(first, fg="green")


def _listen(ports: Ports) -> None:
    config = uvicorn.Config(
        server.create(ports),
        host=ports.settings.host,
        port=ports.settings.port,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run()


def _started(ports: Ports) -> Worker:
    if isinstance(ports.router, forwarder.Router):
        ports.router.start()
    running = Worker(ports)
    running.start()
    return running


def _stopped(ports: Ports, running: Worker) -> None:
    running.stop()
    if isinstance(ports.router, forwarder.Router):
        ports.router.stop()
    ports.store.close()


if __name__ == "__main__":
    main()
