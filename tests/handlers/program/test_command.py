"""The command line: output, error messages, and exit on signals."""

import json
import logging
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from domain import settings
from handlers.program.command import main
from tests.keycloak import shared_issuer
from tests.panel import start_panel

KEY = re.compile(r"aap_[A-Za-z0-9]{8}_[A-Za-z0-9]{36}")
START_UP = 30
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    """Restore the root logger, which the command redirects to the standard error of its run."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def run(*arguments: str, folder: Path, **variables: str) -> Result:
    """Run a command with its data in `folder`."""
    variables = {"PANEL_DATA_DIR": str(folder), "PANEL_RUNTIME": "memory", **variables}
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PANEL_")}
    return CliRunner().invoke(main, arguments, env=others | variables, prog_name="ai-admin-panel")


def error_line(result: Result) -> str:
    """Return the only line of standard error that is not a log entry."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("Error: ")
    return line


def test_help_describes_every_command_in_a_sentence():
    output = CliRunner().invoke(main, ["--help"]).output
    listed = re.findall(r"^  ([a-z-]+)  +(.+)$", output.partition("Commands:")[2], re.MULTILINE)
    assert [name for name, _ in listed] == [
        "api",
        "audit",
        "check",
        "create-key",
        "keycloak-setup",
        "serve",
        "watch",
        "worker",
        "ws",
    ]
    assert all(sentence.endswith(".") and "..." not in sentence for _, sentence in listed)


# ── Faults of the data folder ──


def test_a_lost_key_file_beside_encrypted_secrets_is_refused_with_the_next_step(tmp_path: Path):
    with start_panel(tmp_path) as panel:
        panel.service(secrets={"TOKEN": "s3cret"})
    (tmp_path / "secrets.key").unlink()
    for command in ("check", "create-key", "serve"):
        line = error_line(run(command, folder=tmp_path))
        assert "secrets.key is missing. Restore it from a backup" in line
        assert "chmod 600" in line
    assert not (tmp_path / "secrets.key").exists()


def test_a_lost_key_file_is_made_again_with_a_new_database(tmp_path: Path):
    with start_panel(tmp_path):
        for file in tmp_path.glob("panel.db*"):
            file.unlink()
    (tmp_path / "secrets.key").unlink()
    assert run("create-key", folder=tmp_path).exit_code == 0
    assert (tmp_path / "secrets.key").exists()


# ── create-key ──


def test_create_key_prints_the_key_and_nothing_else(tmp_path: Path):
    result = run("create-key", "--name", "ci", folder=tmp_path)
    assert result.exit_code == 0
    assert KEY.fullmatch(result.stdout.removesuffix("\n"))


def test_create_key_rejects_an_invalid_customer(tmp_path: Path):
    result = run("create-key", "--customer", "Shop Ltd", folder=tmp_path)
    assert result.exit_code == 2
    assert "cust_" in result.stderr


def test_create_key_stores_role_and_customer(tmp_path: Path):
    run("create-key", "--role", "customer", "--customer", "cust_a", "--name", "shop", folder=tmp_path)
    with closing(sqlite3.connect(tmp_path / "panel.db")) as database:
        assert database.execute("SELECT name, role, customer_id FROM api_keys").fetchall() == [
            ("shop", "customer", "cust_a")
        ]


def test_create_key_reports_a_missing_customer(tmp_path: Path):
    assert "needs a customer" in error_line(run("create-key", "--role", "customer", folder=tmp_path))


def test_create_key_rejects_an_unknown_role(tmp_path: Path):
    result = run("create-key", "--role", "root", folder=tmp_path)
    assert result.exit_code == 2
    assert "'admin', 'operator', 'customer', 'viewer'" in result.stderr


# ── errors ──


@pytest.mark.parametrize("command", ["serve", "api", "worker", "check", "create-key"])
def test_a_bad_setting_is_reported_in_one_line(tmp_path: Path, command: str):
    assert "PANEL_RATE_LIMIT_DEPLOY is 'many'" in error_line(
        run(command, folder=tmp_path, PANEL_RATE_LIMIT_DEPLOY="many")
    )


@pytest.mark.parametrize("command", ["serve", "api", "worker", "check", "create-key"])
def test_a_data_directory_that_cannot_be_created_is_reported_in_one_line(tmp_path: Path, command: str):
    (tmp_path / "file").touch()
    line = error_line(run(command, folder=tmp_path / "file" / "data"))
    assert f"PANEL_DATA_DIR is {tmp_path}/file/data" in line


def test_a_data_directory_that_is_not_writable_is_reported_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    assert "which is not writable" in error_line(run("serve", folder=tmp_path))


@pytest.mark.parametrize("command", ["serve", "check", "create-key"])
def test_a_database_of_a_newer_panel_is_not_changed(tmp_path: Path, command: str):
    run("create-key", folder=tmp_path)
    with closing(sqlite3.connect(tmp_path / "panel.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999_tomorrow'")
        database.commit()
    assert "a newer panel made it (revision 9999_tomorrow)" in error_line(run(command, folder=tmp_path))


@pytest.mark.parametrize("command", ["serve", "api"])
def test_a_port_in_use_is_reported_in_one_line(tmp_path: Path, command: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = error_line(run(command, folder=tmp_path, PANEL_PORT=str(port)))
    assert f"Port {port} of 127.0.0.1 cannot be opened: another program uses it" in line


def test_an_address_of_another_machine_is_reported_in_one_line(tmp_path: Path):
    assert "Cannot assign requested address; set PANEL_HOST" in error_line(
        run("serve", folder=tmp_path, PANEL_HOST="192.0.2.1")
    )


# ── check ──


def test_check_lists_all_settings_and_checks(tmp_path: Path):
    result = run("check", folder=tmp_path)
    assert result.exit_code == 0
    first_words = [line.split()[0] for line in result.stdout.splitlines()]
    assert first_words == [*(setting.variable for setting in settings.describe({})), "database", "engine"]


def test_check_fails_with_the_next_step_when_the_engine_does_not_answer(tmp_path: Path):
    result = run("check", folder=tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("engine")]
    assert NOWHERE in line
    assert "Start it, or set DOCKER_HOST" in line


def test_check_reports_an_unknown_setting(tmp_path: Path):
    assert "PANEL_PROT                       is not a setting" in run("check", folder=tmp_path, PANEL_PROT="1").stdout


def test_check_prints_no_password(tmp_path: Path):
    result = run("check", folder=tmp_path, PANEL_DATABASE_URL="postgresql://panel:hunter2@127.0.0.1:1/panel")
    assert "127.0.0.1" in error_line(result)
    assert "hunter2" not in result.output


NO_REALM = {"PANEL_OIDC_CLIENT_SECRET": "hunter2", "PANEL_OIDC_ISSUER": "http://127.0.0.1:1/realms/main"}


def test_check_names_an_identity_provider_that_is_away(tmp_path: Path):
    result = run("check", folder=tmp_path, **NO_REALM)
    assert result.exit_code == 1
    assert "identity_provider                Nobody can log in; sessions and API keys go on. Keycloak" in result.stdout
    assert "hunter2" not in result.stdout


@pytest.mark.parametrize("issuer", ["sso.example.com", "https://sso.example.com", "https:///realms/main"])
def test_an_issuer_that_is_no_realm_is_reported_in_one_line(tmp_path: Path, issuer: str):
    for command in (["check"], ["keycloak-setup", issuer, "--password", "x"]):
        line = error_line(run(*command, folder=tmp_path, **NO_REALM | {"PANEL_OIDC_ISSUER": issuer}))
        assert "it takes the URL of a realm such as https://sso.example.com/realms/main" in line


def test_an_issuer_without_a_secret_is_reported_in_one_line(tmp_path: Path):
    line = error_line(run("check", folder=tmp_path, PANEL_OIDC_ISSUER=NO_REALM["PANEL_OIDC_ISSUER"]))
    assert "PANEL_OIDC_CLIENT_SECRET" in line


def test_keycloak_setup_reports_a_server_that_is_away(tmp_path: Path):
    result = run("keycloak-setup", NO_REALM["PANEL_OIDC_ISSUER"], folder=tmp_path, KEYCLOAK_ADMIN_PASSWORD="x")
    assert "does not answer. Check the URL http://127.0.0.1:1/realms/main" in error_line(result)


@pytest.mark.keycloak
def test_keycloak_setup_prints_settings_with_which_check_succeeds(tmp_path: Path):
    given = {"KEYCLOAK_ADMIN_PASSWORD": "admin", "PANEL_OIDC_CLIENT_ID": "command"}
    lines = run("keycloak-setup", shared_issuer(), folder=tmp_path, **given).stdout.splitlines()
    printed = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    assert printed.keys() == {"PANEL_OIDC_ISSUER", "PANEL_OIDC_CLIENT_ID", "PANEL_OIDC_CLIENT_SECRET"}
    result = run("check", folder=tmp_path, **printed)
    assert result.exit_code == 0
    assert f"identity_provider                Keycloak answers at {shared_issuer()}" in result.stdout


def test_check_reports_a_damaged_route(tmp_path: Path):
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "svc_a.json").write_text("{")
    result = run("check", folder=tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE)
    assert result.exit_code == 1
    assert re.search(r"^routes .*svc_a\.json is damaged", result.stdout, re.MULTILINE)


# ── long-running processes ──


@dataclass
class Program:
    """A running process, and the file with its output."""

    child: "subprocess.Popen[bytes]"
    file: Path
    port: int

    @property
    def output(self) -> str:
        return self.file.read_text()

    def wait_for_output(self, text: str) -> None:
        deadline = time.monotonic() + START_UP
        while text not in self.output:
            assert self.child.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def health(self) -> int:
        """Wait until the process has started, and return the status of the health check."""
        self.wait_for_output("AI Admin Panel")
        return httpx.get(f"http://127.0.0.1:{self.port}/api/health", timeout=START_UP).status_code

    def exit_code(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.child.send_signal(number)
        return self.child.wait(20)


@contextmanager
def start_program(arguments: Sequence[str], folder: Path, **variables: str) -> Iterator[Program]:
    """Run the program in a process, which the end of the block kills."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {"PANEL_DATA_DIR": str(folder), "PANEL_RUNTIME": "memory", "PANEL_PORT": str(port), **variables}
    file = folder / "output"
    with file.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "handlers.program.command", *arguments],
            env=os.environ | variables,
            stdout=output,
            stderr=output,
        )
    try:
        yield Program(child, file, port)
    finally:
        child.kill()
        child.wait()


def test_serve_prints_a_working_admin_key_at_the_first_start_only(tmp_path: Path):
    with start_program(["serve"], tmp_path) as panel:
        assert panel.health() == 200
        (key,) = KEY.findall(panel.output)
        me = httpx.get(f"http://127.0.0.1:{panel.port}/api/auth/me", headers={"Authorization": f"Bearer {key}"})
        assert me.json()["role"] == "admin"
        assert panel.exit_code() == 0
    with start_program(["serve"], tmp_path) as panel:
        assert panel.health() == 200
        assert not KEY.findall(panel.output)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_exits_on_a_signal_while_a_client_is_connected(tmp_path: Path, number: signal.Signals):
    with (
        start_program(["serve"], tmp_path) as panel,
        httpx.Client(base_url=f"http://127.0.0.1:{panel.port}/api") as client,
    ):
        panel.health()
        client.headers["Authorization"] = f"Bearer {KEY.findall(panel.output)[0]}"
        assert client.get("/auth/me").status_code == 200
        assert panel.exit_code(number) == 0
        assert "Traceback" not in panel.output


def test_serve_in_memory_warns_that_containers_are_simulated(tmp_path: Path):
    with start_program(["serve"], tmp_path) as panel:
        panel.wait_for_output("containers are SIMULATED")


def test_serve_starts_without_the_engine_and_prints_a_warning(tmp_path: Path):
    with start_program(["serve"], tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE) as panel:
        assert panel.health() == 200
        assert "The Docker engine does not answer. Start it, or set DOCKER_HOST" in panel.output
        assert f"the engine at {NOWHERE} cannot be reached" in panel.output
        assert httpx.get(f"http://127.0.0.1:{panel.port}/api/health?probe=ready").status_code == 503
        assert panel.exit_code() == 0


def test_an_unavailable_engine_is_logged_once(tmp_path: Path):
    with start_program(["worker"], tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE) as panel:
        panel.wait_for_output(NOWHERE)
        time.sleep(4.5)  # the reconciler retries twice
        lines = [json.loads(line)["event"] for line in panel.output.splitlines() if line.startswith("{")]
        events = [event for event in lines if NOWHERE in event]  # of the adapter, the reconciler, garbage collection
        assert len(events) == len(set(events)), "each warning is logged once, however often the engine is tried"


def test_api_and_worker_run_as_separate_processes(tmp_path: Path):
    with start_program(["api"], tmp_path) as api:
        assert api.health() == 200
        assert api.exit_code() == 0
    with start_program(["worker"], tmp_path) as worker:
        worker.wait_for_output("The worker has started")
        assert worker.exit_code() == 0
        assert "Traceback" not in worker.output
