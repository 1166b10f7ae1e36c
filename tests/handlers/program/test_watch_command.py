"""The command `ai-admin-panel watch`: error messages, exit codes, and that it never prints its key."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from handlers.program import command
from tests.process import Process, free_port, until

SECRET = "aap_AbCdEfGh_SoSecretThatNobodyMaySeeIt0123456789"
SERVICE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A panel with the in-memory engine."""
    panel = Process(tmp_path_factory.mktemp("panel"), "unix:///nowhere", settings={"PANEL_RUNTIME": "memory"})
    panel.start()
    yield panel
    panel.kill()


def run(*arguments: str, key: str | None = None, command_name: str = "watch", **variables: str) -> Result:
    """Run a command in this process."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PANEL_")}
    environment = others | {"PANEL_API_KEY": key, **variables}
    return CliRunner().invoke(command.main, [command_name, *arguments], env=environment, prog_name="ai-admin-panel")


def error_line(result: Result) -> str:
    """Return the only line of standard error."""
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert SECRET not in line
    return line


@dataclass
class Watcher:
    """A process of `watch` and its output so far."""

    child: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def wait_for_output(self, text: str) -> None:
        """Wait until standard output or error contains the text."""
        until(lambda: text in self.out + self.err or self.child.poll() is not None, 30, text)
        assert text in self.out + self.err, self.out + self.err

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the JSON output."""
        messages = [json.loads(line) for line in self.out.splitlines()]
        return [message for message in messages if message["type"] != "hello"]

    def exit_code(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if given, and return the exit code."""
        if number:
            self.child.send_signal(number)
        return self.child.wait(30)


@contextmanager
def watching(process: Process, folder: Path, *arguments: str, key: str = "") -> Iterator[Watcher]:
    """Run the command in a process. With `--json`, wait until it is connected."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        child = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "handlers.program.command", "watch", *arguments],
            env=os.environ | {"PANEL_API_KEY": key or process.key, "PANEL_PORT": str(process.port)},
            stdout=out,
            stderr=err,
        )
    watcher = Watcher(child, folder)
    try:
        if "--json" in arguments:
            watcher.wait_for_output('"hello"')
        yield watcher
    finally:
        child.kill()
        child.wait()


# ── Errors ──


def test_a_missing_key_is_an_error_that_names_the_variable():
    assert "PANEL_API_KEY is not set: set it to a key of the panel; `ai-admin-panel create-key`" in error_line(run())


@pytest.mark.parametrize("key", [f"{SECRET} {SECRET}", f"{SECRET}\r\nX: y", f"{SECRET}ü"])
def test_a_malformed_key_is_neither_sent_nor_printed(key: str):
    assert "PANEL_API_KEY is not a key" in error_line(run(key=key))


@pytest.mark.parametrize("arguments", [[], ["shop"], ["--json"]])
def test_a_wrong_key_is_reported_in_one_line(process: Process, arguments: list[str]):
    line = error_line(run(*arguments, key=SECRET, PANEL_PORT=str(process.port)))
    assert f"http://localhost:{process.port} rejects the key in PANEL_API_KEY" in line


@pytest.mark.parametrize("arguments", [[], ["shop"], ["--json"]])
def test_a_panel_that_does_not_answer_is_reported_in_one_line(arguments: list[str]):
    url = f"http://localhost:{free_port()}"
    assert f"No panel answers at {url}: Connection refused" in error_line(run(*arguments, "--url", url, key=SECRET))


def test_a_missing_websocket_server_is_reported_in_one_line(tmp_path: Path):
    panel = Process(tmp_path, "unix:///nowhere", settings={"PANEL_RUNTIME": "memory"})
    panel.start("api")
    try:
        line = error_line(run(key=panel.key, PANEL_PORT=str(panel.port)))
        assert "The socket server does not answer: Start it: `ai-admin-panel ws`" in line
    finally:
        panel.kill()


def test_an_unknown_service_is_reported_in_one_line(process: Process):
    assert "No service named nobody is visible to this key" in error_line(
        run("nobody", key=process.key, PANEL_PORT=str(process.port))
    )


def test_an_invalid_url_is_reported_in_one_line():
    assert "panel.example is not the URL of a panel" in error_line(run("--url", "panel.example", key=SECRET))


def test_until_done_requires_a_service():
    result = run("--until-done", key=SECRET)
    assert result.exit_code == 2
    assert "--until-done needs a SERVICE" in result.stderr


def test_check_does_not_report_the_key_as_an_unknown_setting(tmp_path: Path):
    output = run(command_name="check", key=SECRET, PANEL_RUNTIME="memory", PANEL_DATA_DIR=str(tmp_path)).output
    assert "is not a setting" not in output
    assert SECRET not in output


# ── Output and exit codes ──


def test_it_exits_with_code_0_when_the_deployment_succeeds(process: Process, tmp_path: Path):
    process.create(name="good", **SERVICE)
    with watching(process, tmp_path, "good", "--until-done") as watcher:
        assert watcher.exit_code() == 0
    assert re.search(r"^\d\d:\d\d:\d\d  good +deployed$", watcher.out, re.MULTILINE)
    assert watcher.err == ""


@pytest.mark.parametrize(("succeeded", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_is_the_result_of_the_deployment(monkeypatch: pytest.MonkeyPatch, *, succeeded: bool, code: int):
    monkeypatch.setattr(command, "show_events", lambda *_arguments, **_options: succeeded)
    assert run("shop", "--until-done", key=SECRET).exit_code == code


def test_ctrl_c_exits_without_an_error(process: Process, tmp_path: Path):
    with watching(process, tmp_path, "--json") as watcher:
        assert watcher.exit_code(signal.SIGINT) == 0
    assert watcher.err == ""


def test_ctrl_c_with_until_done_exits_with_code_1(monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_arguments: object, **_options: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "show_events", interrupt)
    result = run("shop", "--until-done", key=SECRET)
    assert (result.exit_code, result.output) == (1, "")


def test_a_restart_of_the_panel_neither_loses_nor_repeats_an_event(tmp_path: Path):
    panel = Process(tmp_path, "unix:///nowhere", settings={"PANEL_RUNTIME": "memory"})
    panel.start()
    try:
        with watching(panel, tmp_path, "--json") as watcher:
            panel.create_running(name="before", **SERVICE)
            panel.stop()
            watcher.wait_for_output("Reconnecting until it succeeds")
            panel.start()
            panel.create_running(name="after", **SERVICE)
            latest = panel.ask("GET", "/events")["latest"]
            until(lambda: watcher.events()[-1]["seq"] >= latest, 60, "all events")
            assert watcher.events() == panel.ask("GET", "/events?limit=1000")["data"][: len(watcher.events())]
            assert watcher.exit_code(signal.SIGINT) == 0
        assert watcher.err.splitlines() == [
            "The connection to the panel is lost. Reconnecting until it succeeds.",
            "Reconnected.",
        ]
    finally:
        panel.kill()


def test_a_revoked_key_is_reported_in_one_line(process: Process, tmp_path: Path):
    created = process.ask("POST", "/v1/api-keys", {"name": "short", "role": "viewer"}, expect=201)
    with watching(process, tmp_path, "--json", key=created["key"]) as watcher:
        process.ask("DELETE", f"/v1/api-keys/{created['id']}")
        assert watcher.exit_code() == 1
    assert watcher.err == "Error: The key in PANEL_API_KEY was revoked, expired, or lost permissions\n"


def test_the_key_appears_in_no_argument_and_no_output(process: Process, tmp_path: Path):
    with watching(process, tmp_path, "--json") as watcher:
        process.create_running(name="any", **SERVICE)
        watcher.wait_for_output('"succeeded"')
        arguments = Path(f"/proc/{watcher.child.pid}/cmdline").read_bytes()
        assert b"watch" in arguments
        assert process.key.encode() not in arguments
        watcher.exit_code(signal.SIGINT)
    assert process.key not in watcher.out + watcher.err


def test_it_exits_when_its_output_is_closed(process: Process):
    child = subprocess.Popen(
        [sys.executable, "-m", "handlers.program.command", "watch", "--json"],
        env=os.environ | {"PANEL_API_KEY": process.key, "PANEL_PORT": str(process.port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout
    assert child.stderr
    child.stdout.readline()
    child.stdout.close()
    process.create_running(name="unread", **SERVICE)
    assert child.wait(30) == 1
    assert child.stderr.read() == b""
    child.stderr.close()
