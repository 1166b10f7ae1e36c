"""`ai-admin-panel watch`: what it says when it cannot, how it ends, and that it keeps its key to itself."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    """A panel with its engine in memory."""
    panel = Process(tmp_path_factory.mktemp("panel"), "unix:///nowhere", settings={"PANEL_RUNTIME": "memory"})
    panel.start()
    yield panel
    panel.kill()


def run(*arguments: str, key: str | None = None, called: str = "watch", **variables: str) -> Result:
    """One run of the command, in this process."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PANEL_")}
    environment = others | {"PANEL_API_KEY": key, **variables}
    return CliRunner().invoke(command.main, [called, *arguments], env=environment, prog_name="ai-admin-panel")


def refusal(result: Result) -> str:
    """The one line that a person reads when it did not work."""
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert SECRET not in line
    return line


@dataclass
class Watcher:
    """A process that watches, and what it has said up to now."""

    child: "subprocess.Popen[bytes]"
    folder: Path
    named: dict[str, str] = field(default_factory=dict)

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def until_said(self, words: str) -> None:
        """On either side."""
        until(lambda: words in self.out + self.err or self.child.poll() is not None, 30, words)
        assert words in self.out + self.err, self.out + self.err

    def events(self) -> list[dict[str, Any]]:
        """Of what it said as JSON."""
        told = [json.loads(line) for line in self.out.splitlines()]
        return [one for one in told if one["type"] != "hello"]

    def ended(self, number: signal.Signals | None = None) -> int:
        """Its exit code, after a signal when one is named."""
        if number:
            self.child.send_signal(number)
        return self.child.wait(30)


@contextmanager
def watching(process: Process, folder: Path, *arguments: str, key: str = "") -> Iterator[Watcher]:
    """The command as a process of its own; it has begun when it is to print JSON."""
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
            watcher.until_said('"hello"')
        yield watcher
    finally:
        child.kill()
        child.wait()


# ── What does not work ──


def test_without_a_key_it_says_where_to_put_one():
    assert "PANEL_API_KEY is not set: put a key of the panel there; `ai-admin-panel create-key`" in refusal(run())


@pytest.mark.parametrize("key", [f"{SECRET} {SECRET}", f"{SECRET}\r\nX: y", f"{SECRET}ü"])
def test_what_can_be_no_key_is_not_sent_and_not_shown(key: str):
    assert "PANEL_API_KEY holds no key" in refusal(run(key=key))


@pytest.mark.parametrize("arguments", [[], ["shop"], ["--json"]])
def test_a_wrong_key_is_named_in_one_line(process: Process, arguments: list[str]):
    line = refusal(run(*arguments, key=SECRET, PANEL_PORT=str(process.port)))
    assert f"http://localhost:{process.port} does not know the key in PANEL_API_KEY" in line


@pytest.mark.parametrize("arguments", [[], ["shop"], ["--json"]])
def test_a_panel_that_is_not_there_is_named_in_one_line(arguments: list[str]):
    url = f"http://localhost:{free_port()}"
    assert f"No panel answers at {url}: Connection refused" in refusal(run(*arguments, "--url", url, key=SECRET))


def test_an_api_without_a_socket_server_is_named_in_one_line(tmp_path: Path):
    panel = Process(tmp_path, "unix:///nowhere", settings={"PANEL_RUNTIME": "memory"})
    panel.start("api")
    try:
        line = refusal(run(key=panel.key, PANEL_PORT=str(panel.port)))
        assert "The socket server does not answer: Start it: `ai-admin-panel ws`" in line
    finally:
        panel.kill()


def test_a_service_that_is_not_there_is_named_in_one_line(process: Process):
    assert "sees no service called nobody" in refusal(run("nobody", key=process.key, PANEL_PORT=str(process.port)))


def test_an_address_that_is_none_is_named_in_one_line():
    assert "panel.example is no address of a panel" in refusal(run("--url", "panel.example", key=SECRET))


def test_who_waits_for_an_end_must_say_of_what():
    result = run("--until-done", key=SECRET)
    assert result.exit_code == 2
    assert "--until-done needs a SERVICE" in result.stderr


def test_check_does_not_take_the_key_for_a_mistyped_setting(tmp_path: Path):
    output = run(called="check", key=SECRET, PANEL_RUNTIME="memory", PANEL_DATA_DIR=str(tmp_path)).output
    assert "is not a setting" not in output
    assert SECRET not in output


# ── What it shows, and how it ends ──


def test_it_ends_with_the_deployment_and_exit_code_0_when_that_has_succeeded(process: Process, tmp_path: Path):
    process.create(name="good", **SERVICE)
    with watching(process, tmp_path, "good", "--until-done") as watcher:
        assert watcher.ended() == 0
    assert re.search(r"^\d\d:\d\d:\d\d  good +deployed$", watcher.out, re.MULTILINE)
    assert watcher.err == ""


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
def test_its_exit_code_is_the_result_of_the_deployment(monkeypatch: pytest.MonkeyPatch, *, well: bool, code: int):
    monkeypatch.setattr(command, "show", lambda *_arguments, **_options: well)
    assert run("shop", "--until-done", key=SECRET).exit_code == code


def test_ctrl_c_ends_it_cleanly(process: Process, tmp_path: Path):
    with watching(process, tmp_path, "--json") as watcher:
        assert watcher.ended(signal.SIGINT) == 0
    assert watcher.err == ""


def test_ctrl_c_while_a_result_is_waited_for_is_no_success(monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_arguments: object, **_options: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "show", interrupted)
    result = run("shop", "--until-done", key=SECRET)
    assert (result.exit_code, result.output) == (1, "")


def test_a_panel_that_is_started_again_loses_and_repeats_nothing(tmp_path: Path):
    panel = Process(tmp_path, "unix:///nowhere", settings={"PANEL_RUNTIME": "memory"})
    panel.start()
    try:
        with watching(panel, tmp_path, "--json") as watcher:
            panel.deployed(name="before", **SERVICE)
            panel.stop()
            watcher.until_said("Trying again until it works")
            panel.start()
            panel.deployed(name="after", **SERVICE)
            latest = panel.ask("GET", "/events")["latest"]
            until(lambda: watcher.events()[-1]["seq"] >= latest, 60, "all events")
            assert watcher.events() == panel.ask("GET", "/events?limit=1000")["data"][: len(watcher.events())]
            assert watcher.ended(signal.SIGINT) == 0
        assert watcher.err.splitlines() == [
            "The connection to the panel is lost. Trying again until it works.",
            "Connected again.",
        ]
    finally:
        panel.kill()


def test_a_key_that_ends_is_named_in_one_line(process: Process, tmp_path: Path):
    made = process.ask("POST", "/v1/api-keys", {"name": "short", "role": "viewer"}, expect=201)
    with watching(process, tmp_path, "--json", key=made["key"]) as watcher:
        process.ask("DELETE", f"/v1/api-keys/{made['id']}")
        assert watcher.ended() == 1
    assert watcher.err == "Error: The key in PANEL_API_KEY has ended, or may do less than before\n"


def test_the_key_stands_in_no_argument_and_in_no_output(process: Process, tmp_path: Path):
    with watching(process, tmp_path, "--json") as watcher:
        process.deployed(name="any", **SERVICE)
        watcher.until_said('"succeeded"')
        arguments = Path(f"/proc/{watcher.child.pid}/cmdline").read_bytes()
        assert b"watch" in arguments
        assert process.key.encode() not in arguments
        watcher.ended(signal.SIGINT)
    assert process.key not in watcher.out + watcher.err


def test_somebody_who_stops_reading_ends_it(process: Process):
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
    process.deployed(name="unread", **SERVICE)
    assert child.wait(30) == 1
    assert child.stderr.read() == b""
    child.stderr.close()
