"""The command line `ai-admin-panel`: starts processes, creates API keys, checks the settings."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Event
from typing import Any

import click

from domain import api_keys, settings, system
from domain.errors import Invalid, Refusal
from domain.model.role import Role
from domain.ports import Ports
from domain.settings import BadSetting
from handlers.program import lifecycle, logging_setup, wiring
from handlers.program.watch import KEY, Panel, read_key, show


def _told(act: Callable[..., None]) -> Callable[..., None]:
    """Print errors that an operator can fix in one line, without a traceback."""

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
    logging_setup.configure()


@main.command()
@_told
def serve() -> None:
    """Start everything in one process.

    The API, its sockets, the worker, and the routes to services.
    """
    with (
        lifecycle.endable(),
        _opened() as ports,
        lifecycle.reserved(ports) as door,
        lifecycle.sockets(ports) as sockets,
    ):
        _greet(ports)
        with lifecycle.working(ports):
            lifecycle.listen(ports, door, goodbye=sockets.stop)


@main.command()
@_told
def api() -> None:
    """Start the API alone.

    It answers requests; `worker`, with the same data, does the work, and `ws` has the sockets.
    """
    with lifecycle.endable(), _opened() as ports, lifecycle.reserved(ports) as door:
        _greet(ports)
        lifecycle.listen(ports, door)


@main.command()
@_told
def worker() -> None:
    """Start a worker alone.

    It deploys, looks after containers, and routes visitors to services.
    """
    with lifecycle.endable(), _opened() as ports, lifecycle.working(ports):
        click.echo("The worker waits for work. Stop it with Ctrl-C.")
        Event().wait()


@main.command()
@_told
def ws() -> None:
    """Start the socket server alone.

    It listens at PANEL_WS_ADDRESS, where `api` and a reverse proxy find it.
    """
    with lifecycle.endable(), _opened() as ports, lifecycle.sockets(ports):
        click.echo(f"The socket server listens at {ports.settings.ws_address or ports.settings.socket_server}.")
        click.echo("Stop it with Ctrl-C.")
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
        click.echo(api_keys.create_unbounded_key(ports, name, Role(role), customer_id))


@main.command()
@_told
def check() -> None:
    """List the settings, say what is wrong, and what to do.

    Looks at the settings, the database, the engine, and the routes to services.
    """
    for setting in settings.shown(os.environ):
        click.echo(f"{setting.variable:32} {setting.value or '(empty)':32} {setting.doc}")
    for name in settings.unknown({name: value for name, value in os.environ.items() if name != KEY}):
        click.secho(f"{name:32} is not a setting; is it mistyped?", fg="yellow")
    with _opened() as ports:
        checks = system.checks(ports)
        problems = ports.router.problems()
    for name, found in checks.items():
        click.secho(f"{name:32} {found.detail}", fg="green" if found.status == "ok" else "red")
    for problem in problems:
        click.secho(f"{'routes':32} {problem}", fg="red")
    if problems or any(found.status != "ok" for found in checks.values()):
        sys.exit(1)


@main.command()
@click.argument("service", required=False)
@click.option("--url", help="Address of the panel; without it, that of the settings.")
@click.option("--json", "as_json", is_flag=True, help="Print each message as it came, one a line.")
@click.option("--until-done", is_flag=True, help="End with the newest deployment of SERVICE; exit code 1 if it failed.")
@_told
def watch(service: str | None, url: str | None, as_json: bool, until_done: bool) -> None:
    """Show what happens, as it happens.

    Of all services that the key in PANEL_API_KEY may see; or of SERVICE, a name or an id, and then its logs too.
    """
    if until_done and not service:
        raise click.UsageError("--until-done needs a SERVICE.")
    panel = Panel(url or settings.read(os.environ).url, read_key(os.environ))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background processes without this handler
    try:
        well = show(panel, service, as_json=as_json, until_done=until_done)
    except KeyboardInterrupt:
        well = not until_done  # with --until-done there is no result
    sys.exit(0 if well else 1)


@contextmanager
def _opened() -> Iterator[Ports]:
    ports = wiring.open_ports(settings.read(os.environ))
    try:
        yield ports
    finally:
        ports.notifier.close()
        ports.store.close()


def _greet(ports: Ports) -> None:
    first = api_keys.create_first_key(ports)
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


if __name__ == "__main__":
    main()
