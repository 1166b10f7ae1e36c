"""The program `ai-admin-panel`: starts the doors, makes keys, and says what is wrong."""

import errno
import gc
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Event
from typing import Any, NoReturn

import click
import uvicorn

from domain import api_keys, settings, system
from domain.adapters import forwarder
from domain.errors import Invalid, Refusal
from domain.model import Role
from domain.ports import Ports
from domain.settings import BadSetting
from handlers import logs, server, wiring
from handlers.worker import Worker

_ASKED_TO_END = (signal.SIGTERM, signal.SIGINT)
_PATIENCE = 5  # seconds for requests under way when the panel is asked to end


def _told(act: Callable[..., None]) -> Callable[..., None]:
    """What a person can mend is said in one line, without a trace."""

    @wraps(act)
    def telling(**options: Any) -> None:  # noqa: ANN401
        try:
            act(**options)
        except Invalid as fault:
            raise click.ClickException(". ".join(fault.fields.values())) from fault
        except (BadSetting, Refusal) as fault:
            raise click.ClickException(str(fault)) from fault

    return telling


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(system.version(), prog_name="ai-admin-panel")
def main() -> None:
    """A self-hosted hosting panel on Docker.

    `serve` is all that a machine needs. Settings come from variables of the environment; `check` lists them.
    """
    logs.configure()


@main.command()
@_told
def serve() -> None:
    """Start everything in one process.

    The API, the worker, and the routes to services.
    """
    with _endable(), _opened() as ports, _reserved(ports) as door:
        _greet(ports)
        with _working(ports):
            _listen(ports, door)


@main.command()
@_told
def api() -> None:
    """Start the API alone.

    It answers requests; `worker`, with the same data, does the work.
    """
    with _endable(), _opened() as ports, _reserved(ports) as door:
        _greet(ports)
        _listen(ports, door)


@main.command()
@_told
def worker() -> None:
    """Start a worker alone.

    It deploys, looks after containers, and routes visitors to services.
    """
    with _endable(), _opened() as ports, _working(ports):
        click.echo("The worker waits for work. Stop it with Ctrl-C.")
        Event().wait()


def _customer(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("cust_[0-9a-z]{1,59}", value):
        raise click.BadParameter("a customer's id looks like cust_01k9…")
    return value


@main.command("create-key")
@click.option("--name", default="admin", show_default=True, help="What the key is for.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default="admin",
    show_default=True,
    help="What it may do.",
)
@click.option("--customer", "customer_id", callback=_customer, help="The customer that the key is bound to: cust_….")
@_told
def create_key(name: str, role: str, customer_id: str | None) -> None:
    """Print a new API key.

    That takes the panel's data, not its API: it works whether the panel runs or not.
    """
    with _opened() as ports:
        click.echo(api_keys.make_key(ports, name, Role(role), customer_id))


@main.command()
@_told
def check() -> None:
    """List the settings, say what is wrong, and what to do.

    Looks at the settings, the database, the engine, and the routes to services.
    """
    for setting in settings.shown(os.environ):
        click.echo(f"{setting.variable:32} {setting.value or '(empty)':32} {setting.doc}")
    for name in settings.unknown(os.environ):
        click.secho(f"{name:32} is not a setting; is it mistyped?", fg="yellow")
    with _opened() as ports:
        checks = system.checks(ports)
        problems = ports.router.problems() if isinstance(ports.router, forwarder.Router) else []
    for name, found in checks.items():
        click.secho(f"{name:32} {found.detail}", fg="green" if found.status == "ok" else "red")
    for problem in problems:
        click.secho(f"{'routes':32} {problem}", fg="red")
    if problems or any(found.status != "ok" for found in checks.values()):
        sys.exit(1)


@contextmanager
def _endable() -> Iterator[None]:
    """A signal to end unwinds the stack, so that all that was opened is closed; uvicorn hands it on when it is done."""

    def end(_number: int, _frame: object) -> NoReturn:
        for number in _ASKED_TO_END:
            signal.signal(number, signal.SIG_DFL)
        sys.exit(0)

    before = {number: signal.signal(number, end) for number in _ASKED_TO_END}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _opened() -> Iterator[Ports]:
    ports = wiring.open_ports(settings.read(os.environ))
    try:
        yield ports
    finally:
        ports.store.close()


@contextmanager
def _reserved(ports: Ports) -> Iterator[socket.socket]:
    """The port of the API, taken before any work begins."""
    host, port = ports.settings.host, ports.settings.port
    try:
        door = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            advice = "another program has it (`ss -ltnp` shows which); stop that one, or set PANEL_PORT"
        else:
            advice = (
                f"{str(fault.strerror).partition(' (')[0]}; set PANEL_HOST and PANEL_PORT to what this machine may use"
            )
        raise BadSetting(f"Port {port} of {host} cannot be opened: {advice}") from fault
    with door:
        yield door


def _greet(ports: Ports) -> None:
    first = api_keys.first_key(ports)
    click.secho(f"AI Admin Panel {system.version()} at {ports.settings.url}/api/docs", bold=True)
    click.echo(f"Its data is in {ports.settings.data_dir}. Stop it with Ctrl-C.")
    if ports.settings.runtime == "memory":
        click.secho("PANEL_RUNTIME is memory: NOTHING IS REALLY DEPLOYED, and all of it is gone at the end.", fg="red")
    for found in system.checks(ports).values():
        if found.status != "ok":
            click.secho(found.detail, fg="yellow")
    if first:
        click.echo("The first admin key, shown this once:")
        click.secho(first, fg="green")


def _listen(ports: Ports, door: socket.socket) -> None:
    config = uvicorn.Config(
        server.create(ports),
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    gc.freeze()  # what is built by now stays: looking for garbage in it would hold up requests for a tenth of a second
    uvicorn.Server(config).run([door])


@contextmanager
def _working(ports: Ports) -> Iterator[None]:
    """While it lasts, queued work is done and visitors reach their services; what runs at the end is handed back."""
    running = Worker(ports)
    router = ports.router if isinstance(ports.router, forwarder.Router) else None
    if router:
        router.start()
    running.start()
    try:
        yield
    finally:
        running.stop()
        if router:
            router.stop()


if __name__ == "__main__":
    main()
