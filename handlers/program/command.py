"""The command line `ai-admin-panel`: starts processes, creates API keys, checks the settings."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Event
from typing import Any

import click

from domain import api_keys, settings, system
from domain.audit import verify
from domain.errors import Invalid, Refusal, Unavailable
from domain.identity.actions import COMMAND_LINE, Action, performing
from domain.model.role import Role
from domain.ports import Ports
from domain.settings import BadSetting
from handlers.program import lifecycle, logging_setup, wiring
from handlers.program.file_limit import raise_file_limit
from handlers.program.watch import KEY, PanelClient, read_key, show_events


def _report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Print errors that an operator can fix in one line, without a traceback."""

    @wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401
        try:
            command(**options)
        except Invalid as fault:
            raise click.ClickException(". ".join(fault.fields.values())) from fault
        except (BadSetting, Refusal) as fault:
            raise click.ClickException(str(fault)) from fault

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(system.version(), prog_name="ai-admin-panel")
def main() -> None:
    """A self-hosted hosting panel on Docker.

    `serve` runs the whole panel on one machine. Settings are environment variables; `check` lists them.
    """
    logging_setup.configure()


@main.command()
@_report_errors
def serve() -> None:
    """Run everything in one process.

    These are the API, the WebSocket server, the worker, and the routes to services.
    """
    with (
        lifecycle.exit_on_signals(),
        _open_ports() as ports,
        lifecycle.open_api_socket(ports) as api_socket,
        lifecycle.run_socket_server(ports) as socket_server,
    ):
        _print_start_message(ports)
        with lifecycle.run_worker(ports):
            lifecycle.serve_api(ports, api_socket, before_close=socket_server.stop)


@main.command()
@_report_errors
def api() -> None:
    """Run only the API.

    It responds to requests. Run `worker` and `ws` with the same settings: `worker` runs the operations, and `ws` serves
    WebSockets.
    """
    with lifecycle.exit_on_signals(), _open_ports() as ports, lifecycle.open_api_socket(ports) as api_socket:
        _print_start_message(ports)
        lifecycle.serve_api(ports, api_socket)


@main.command()
@_report_errors
def worker() -> None:
    """Run only a worker.

    It runs operations, monitors containers, and routes requests to services.
    """
    with lifecycle.exit_on_signals(), _open_ports() as ports, lifecycle.run_worker(ports):
        click.echo("The worker has started. Stop it with Ctrl-C.")
        Event().wait()


@main.command()
@_report_errors
def ws() -> None:
    """Run only the WebSocket server.

    It listens at PANEL_WS_ADDRESS; `api` and a reverse proxy connect to it there.
    """
    with lifecycle.exit_on_signals(), _open_ports() as ports, lifecycle.run_socket_server(ports):
        click.echo(f"The WebSocket server listens at {ports.settings.ws_address or ports.settings.socket_server}.")
        click.echo("Stop it with Ctrl-C.")
        Event().wait()


def _customer(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("cust_[0-9a-z]{1,59}", value):
        raise click.BadParameter("a customer's ID looks like cust_01k9…")
    return value


@main.command("create-key")
@click.option("--name", default="admin", show_default=True, help="What the key is for.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default="admin",
    show_default=True,
    help="The role: what requests with the key may do.",
)
@click.option("--customer", "customer_id", callback=_customer, help="Limit the key to this customer: cust_….")
@_report_errors
def create_key(name: str, role: str, customer_id: str | None) -> None:
    """Create an API key and print it.

    The command writes to the database, so it works while the panel is stopped too.
    """
    with _open_ports() as ports, performing(Action("create_api_key", COMMAND_LINE)):
        click.echo(api_keys.create_unbounded_key(ports, name, Role(role), customer_id))


@main.command()
@_report_errors
def check() -> None:
    """List the settings and check them.

    Checks the settings, the database, the engine, and the routes to services, and prints how to fix each problem.
    """
    for setting in settings.describe(os.environ):
        click.echo(f"{setting.variable:32} {setting.value or '(empty)':32} {setting.doc}")
    for name in settings.unknown_variables({name: value for name, value in os.environ.items() if name != KEY}):
        click.secho(f"{name:32} is not a setting; check its spelling", fg="yellow")
    with _open_ports() as ports:
        checks = system.checks(ports)
        problems = [("routes", problem) for problem in ports.router.problems()]
        problems += [("identity provider", problem) for problem in _identity_problems(ports)]
    for name, result in checks.items():
        click.secho(f"{name:32} {result.detail}", fg="green" if result.status == "ok" else "red")
    for part, problem in problems:
        click.secho(f"{part:32} {problem}", fg="red")
    if problems or any(result.status != "ok" for result in checks.values()):
        sys.exit(1)


def _identity_problems(ports: Ports) -> list[str]:
    """Return what is missing in the realm; its absence is one of the checks already."""
    try:
        return ports.identity_provider.problems() if ports.identity_provider else []
    except Unavailable:
        return []


@main.command("keycloak-setup")
@click.argument("issuer")
@click.option("--admin", default="admin", show_default=True, help="An administrator of Keycloak.")
@click.option("--admin-realm", default="master", show_default=True, help="The administrator's realm.")
@click.option(
    "--password",
    prompt="The administrator's password",
    hide_input=True,
    envvar="KEYCLOAK_ADMIN_PASSWORD",
    help="The administrator's password; better in KEYCLOAK_ADMIN_PASSWORD, or typed.",
)
@_report_errors
def keycloak_setup(issuer: str, admin: str, admin_realm: str, password: str) -> None:
    """Set up a Keycloak realm for the panel.

    Creates the panel's client, roles, group and mappers. ISSUER is the realm's URL, such as
    https://sso.example.com/realms/main. The command can be repeated, for example after a change of PANEL_PUBLIC_URL. It
    prints the panel's settings for this realm, with the client's secret.
    """
    configured = settings.read(os.environ)
    secret = wiring.set_up_keycloak(configured, issuer, admin, password, admin_realm)
    click.echo(f"export PANEL_OIDC_ISSUER={shlex.quote(issuer.rstrip('/'))}")
    click.echo(f"export PANEL_OIDC_CLIENT_ID={shlex.quote(configured.oidc_client_id)}")
    click.echo(f"export PANEL_OIDC_CLIENT_SECRET={shlex.quote(secret)}")


@main.group()
def audit() -> None:
    """Check the audit record."""


@audit.command("verify")
@_report_errors
def verify_audit() -> None:
    """Check that no audit event was changed, removed or moved.

    Prints each problem and exits with 1 if there is one. Keep the printed hashes elsewhere: a database that was
    replaced by an older copy of itself has lower numbers.
    """
    whole = True
    with _open_ports() as ports:
        for report in verify(ports.store):
            click.echo(f"chain {report.chain}: {report.events} events, the newest has the hash {report.newest}")
            for problem in report.problems:
                click.secho(problem, fg="red")
            whole = whole and not report.problems
    click.secho("The audit record is whole" if whole else "The audit record was tampered with", bold=True)
    sys.exit(0 if whole else 1)


@main.command()
@click.argument("service", required=False)
@click.option("--url", help="URL of the panel (default: from the settings).")
@click.option("--json", "as_json", is_flag=True, help="Print each message as JSON, one per line.")
@click.option(
    "--until-done",
    is_flag=True,
    help="Exit after SERVICE's newest deployment: with 0 if it succeeded, else 1.",
)
@_report_errors
def watch(service: str | None, url: str | None, as_json: bool, until_done: bool) -> None:
    """Print events as they happen.

    Without SERVICE, prints the events of all services that the key in PANEL_API_KEY can see. With SERVICE, a name or an
    ID, prints the events and the logs of that service.
    """
    if until_done and not service:
        raise click.UsageError("--until-done needs a SERVICE.")
    panel = PanelClient(url or settings.read(os.environ).url, read_key(os.environ))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background processes without this handler
    try:
        succeeded = show_events(panel, service, as_json=as_json, until_done=until_done)
    except KeyboardInterrupt:
        succeeded = not until_done  # with --until-done there is no result
    sys.exit(0 if succeeded else 1)


@contextmanager
def _open_ports() -> Iterator[Ports]:
    raise_file_limit()
    ports = wiring.open_ports(settings.read(os.environ))
    try:
        yield ports
    finally:
        if ports.identity_provider:
            ports.identity_provider.close()
        ports.notifier.close()
        ports.store.close()


def _print_start_message(ports: Ports) -> None:
    with performing(Action("create_api_key", COMMAND_LINE)):
        first_key = api_keys.create_first_key(ports)
    click.secho(f"AI Admin Panel {system.version()} at {ports.settings.url}/api/docs", bold=True)
    click.echo(f"Its data directory is {ports.settings.data_dir}. Stop it with Ctrl-C.")
    if ports.settings.runtime == "memory":
        click.secho("PANEL_RUNTIME is memory: containers are SIMULATED. Unset it to use Docker.", fg="red")
    for result in system.checks(ports).values():
        if result.status != "ok":
            click.secho(result.detail, fg="yellow")
    if first_key:
        click.echo("The first admin key. It is not shown again:")
        click.secho(first_key, fg="green")


if __name__ == "__main__":
    main()
