"""The program: what it prints, what it says when something is wrong, and that it ends when asked."""

import json
import logging
import os
import re
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

KEY = re.compile(r"aap_[A-Za-z0-9]{8}_[A-Za-z0-9]{36}")
START_UP = 30
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """The command sends all logging to the standard error of its own run."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def run(*arguments: str, folder: Path, **variables: str) -> Result:
    """One run of the program with its data in `folder`."""
    given = {"PANEL_DATA_DIR": str(folder), "PANEL_RUNTIME": "memory", **variables}
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PANEL_")}
    return CliRunner().invoke(main, arguments, env=others | given, prog_name="ai-admin-panel")


def refusal(result: Result) -> str:
    """The one line that a person reads when it did not work."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("Error: ")
    return line


def test_help_names_every_command_in_whole_sentences():
    said = CliRunner().invoke(main, ["--help"]).output
    listed = re.findall(r"^  ([a-z-]+)  +(.+)$", said.partition("Commands:")[2], re.MULTILINE)
    assert [name for name, _ in listed] == ["api", "check", "create-key", "serve", "watch", "worker", "ws"]
    assert all(sentence.endswith(".") and "..." not in sentence for _, sentence in listed)


# ── create-key ──


def test_create_key_prints_the_key_and_nothing_else(tmp_path: Path):
    made = run("create-key", "--name", "ci", folder=tmp_path)
    assert made.exit_code == 0
    assert KEY.fullmatch(made.stdout.removesuffix("\n"))


def test_create_key_refuses_what_is_no_customer(tmp_path: Path):
    result = run("create-key", "--customer", "Shop Ltd", folder=tmp_path)
    assert result.exit_code == 2
    assert "cust_" in result.stderr


def test_create_key_keeps_role_and_customer(tmp_path: Path):
    run("create-key", "--role", "customer", "--customer", "cust_a", "--name", "shop", folder=tmp_path)
    with closing(sqlite3.connect(tmp_path / "panel.db")) as database:
        assert database.execute("SELECT name, role, customer_id FROM api_keys").fetchall() == [
            ("shop", "customer", "cust_a")
        ]


def test_create_key_says_what_a_role_needs(tmp_path: Path):
    assert "needs a customer" in refusal(run("create-key", "--role", "customer", folder=tmp_path))


def test_create_key_knows_no_other_roles(tmp_path: Path):
    result = run("create-key", "--role", "root", folder=tmp_path)
    assert result.exit_code == 2
    assert "'admin', 'operator', 'customer', 'viewer'" in result.stderr


# ── what is wrong ──


@pytest.mark.parametrize("command", ["serve", "api", "worker", "check", "create-key"])
def test_a_bad_setting_is_named_in_one_line(tmp_path: Path, command: str):
    assert "PANEL_RATE_LIMIT_DEPLOY is 'many'" in refusal(run(command, folder=tmp_path, PANEL_RATE_LIMIT_DEPLOY="many"))


@pytest.mark.parametrize("command", ["serve", "api", "worker", "check", "create-key"])
def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path: Path, command: str):
    (tmp_path / "file").touch()
    line = refusal(run(command, folder=tmp_path / "file" / "data"))
    assert f"PANEL_DATA_DIR is {tmp_path}/file/data" in line


def test_a_folder_of_somebody_else_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    assert "where this user may not write" in refusal(run("serve", folder=tmp_path))


@pytest.mark.parametrize("command", ["serve", "check", "create-key"])
def test_a_database_of_a_newer_panel_is_left_alone(tmp_path: Path, command: str):
    run("create-key", folder=tmp_path)
    with closing(sqlite3.connect(tmp_path / "panel.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999_tomorrow'")
        database.commit()
    assert "a newer panel made it (revision 9999_tomorrow)" in refusal(run(command, folder=tmp_path))


@pytest.mark.parametrize("command", ["serve", "api"])
def test_a_port_that_is_taken_is_named_in_one_line(tmp_path: Path, command: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(run(command, folder=tmp_path, PANEL_PORT=str(port)))
    assert f"Port {port} of 127.0.0.1 cannot be opened: another program has it" in line


def test_an_address_of_another_machine_is_refused_in_one_line(tmp_path: Path):
    assert "Cannot assign requested address; set PANEL_HOST" in refusal(
        run("serve", folder=tmp_path, PANEL_HOST="192.0.2.1")
    )


# ── check ──


def test_check_lists_all_settings_and_parts(tmp_path: Path):
    result = run("check", folder=tmp_path)
    assert result.exit_code == 0
    first_words = [line.split()[0] for line in result.stdout.splitlines()]
    assert first_words == [*(one.variable for one in settings.shown({})), "database", "engine"]


def test_check_fails_when_the_engine_is_away_and_says_what_to_do(tmp_path: Path):
    result = run("check", folder=tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("engine")]
    assert NOWHERE in line
    assert "Start it, or set DOCKER_HOST" in line


def test_check_notices_a_mistyped_setting(tmp_path: Path):
    assert "PANEL_PROT                       is not a setting" in run("check", folder=tmp_path, PANEL_PROT="1").stdout


def test_check_shows_no_password(tmp_path: Path):
    result = run("check", folder=tmp_path, PANEL_DATABASE_URL="postgresql://panel:hunter2@127.0.0.1:1/panel")
    assert "127.0.0.1" in refusal(result)
    assert "hunter2" not in result.output


def test_check_names_a_route_that_visitors_cannot_use(tmp_path: Path):
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "svc_a.json").write_text("{")
    result = run("check", folder=tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE)
    assert result.exit_code == 1
    assert re.search(r"^routes .*svc_a\.json is damaged", result.stdout, re.MULTILINE)


# ── processes that stay ──


@dataclass
class Program:
    """A process that was started, and the file that holds all it said."""

    child: "subprocess.Popen[bytes]"
    file: Path
    port: int

    @property
    def said(self) -> str:
        return self.file.read_text()

    def until_said(self, words: str) -> None:
        deadline = time.monotonic() + START_UP
        while words not in self.said:
            assert self.child.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def health(self) -> int:
        """The status of its health, once it listens: the port is open before it answers."""
        self.until_said("AI Admin Panel")
        return httpx.get(f"http://127.0.0.1:{self.port}/api/health", timeout=START_UP).status_code

    def ended(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after a signal; it has a few seconds."""
        self.child.send_signal(number)
        return self.child.wait(20)


@contextmanager
def started(arguments: Sequence[str], folder: Path, **variables: str) -> Iterator[Program]:
    """A process of the program, ended with the block."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"PANEL_DATA_DIR": str(folder), "PANEL_RUNTIME": "memory", "PANEL_PORT": str(port), **variables}
    file = folder / "said"
    with file.open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "handlers.program.command", *arguments],
            env=os.environ | given,
            stdout=said,
            stderr=said,
        )
    try:
        yield Program(child, file, port)
    finally:
        child.kill()
        child.wait()


def test_serve_shows_the_first_key_once_and_it_opens_the_api(tmp_path: Path):
    with started(["serve"], tmp_path) as panel:
        assert panel.health() == 200
        (key,) = KEY.findall(panel.said)
        me = httpx.get(f"http://127.0.0.1:{panel.port}/api/auth/me", headers={"Authorization": f"Bearer {key}"})
        assert me.json()["role"] == "admin"
        assert panel.ended() == 0
    with started(["serve"], tmp_path) as panel:
        assert panel.health() == 200
        assert not KEY.findall(panel.said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_well_when_asked_though_a_client_stays_connected(tmp_path: Path, number: signal.Signals):
    with started(["serve"], tmp_path) as panel, httpx.Client(base_url=f"http://127.0.0.1:{panel.port}/api") as client:
        panel.health()
        client.headers["Authorization"] = f"Bearer {KEY.findall(panel.said)[0]}"
        assert client.get("/auth/me").status_code == 200
        assert panel.ended(number) == 0
        assert "Traceback" not in panel.said


def test_serve_in_memory_says_loudly_that_nothing_is_deployed(tmp_path: Path):
    with started(["serve"], tmp_path) as panel:
        panel.until_said("NOTHING IS REALLY DEPLOYED")


def test_serve_starts_without_the_engine_and_says_so(tmp_path: Path):
    with started(["serve"], tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE) as panel:
        assert panel.health() == 200
        assert f"The Docker engine at {NOWHERE} does not answer. Start it, or set DOCKER_HOST" in panel.said
        assert httpx.get(f"http://127.0.0.1:{panel.port}/api/health?probe=ready").status_code == 503
        assert panel.ended() == 0


def test_an_engine_that_stays_away_is_not_told_every_time(tmp_path: Path):
    with started(["worker"], tmp_path, PANEL_RUNTIME="docker", DOCKER_HOST=NOWHERE) as panel:
        panel.until_said(NOWHERE)
        time.sleep(4.5)  # the observer tries twice more
        lines = [json.loads(line)["event"] for line in panel.said.splitlines() if line.startswith("{")]
        events = [event for event in lines if NOWHERE in event]  # of the adapter, the observer, garbage collection
        assert len(events) == len(set(events)), "each warning is logged once, however often the engine is tried"


def test_api_and_worker_start_and_end_apart(tmp_path: Path):
    with started(["api"], tmp_path) as api:
        assert api.health() == 200
        assert api.ended() == 0
    with started(["worker"], tmp_path) as worker:
        worker.until_said("The worker waits for work")
        assert worker.ended() == 0
        assert "Traceback" not in worker.said
