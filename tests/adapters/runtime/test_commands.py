"""Commands in containers, on both runtimes."""

import time

import pytest

from domain.ports.commands import Command, CommandResult
from domain.ports.runtime import EngineRefused
from tests.runtime_setup import RuntimeSetup

HOSTILE = ("$(id)", "`id`", "; id", "| id", "-n", "a\nb", '"', "'", "日本")


def _run(setup: RuntimeSetup, name: str, *argv: str, seconds: float = 20, max_output: int = 1000) -> CommandResult:
    return setup.runtime.run_command(name, Command(argv, seconds, max_output))


def test_a_command_returns_its_exit_code_and_output(setup: RuntimeSetup) -> None:
    name = setup.start()
    assert _run(setup, name, "echo", "Hello", "you") == CommandResult(0, "Hello you\n", "")
    assert _run(setup, name, "false") == CommandResult(1, "", "")
    failed = _run(setup, name, "cat", "/missing")
    assert (failed.exit_code, failed.stdout, failed.stderr) == (
        1,
        "",
        "cat: can't open '/missing': No such file or directory\n",
    )


def test_arguments_reach_a_command_unchanged(setup: RuntimeSetup) -> None:
    name = setup.start()
    assert _run(setup, name, "echo", "x", *HOSTILE).stdout == f"x {' '.join(HOSTILE)}\n"


def test_a_long_line_is_whole(setup: RuntimeSetup) -> None:
    text = "x" * 50_000
    assert _run(setup, setup.start(), "echo", text, max_output=60_000) == CommandResult(0, f"{text}\n", "")


def test_a_program_that_does_not_exist_has_an_exit_code(setup: RuntimeSetup) -> None:
    assert _run(setup, setup.start(), "no-such-program").exit_code in (126, 127)


@pytest.mark.parametrize("argv", [("sleep",), ("sleep", "soon")])
def test_a_program_with_wrong_arguments_fails_by_itself(setup: RuntimeSetup, argv: tuple[str, ...]) -> None:
    result = _run(setup, setup.start(), *argv)
    assert (result.exit_code, bool(result.stderr)) == (1, True)


def test_the_time_limit_ends_a_command(setup: RuntimeSetup) -> None:
    name, started = setup.start(), time.monotonic()
    assert _run(setup, name, "sleep", "300", seconds=0.3) == CommandResult(None, "", "")
    assert time.monotonic() - started < 10
    assert setup.inspect(name).state == "running"


def test_a_command_that_prints_on_and_on_is_cut_and_ended(setup: RuntimeSetup) -> None:
    result = _run(setup, setup.start(), "yes", seconds=0.3, max_output=10)
    assert result == CommandResult(None, "y\ny\ny\ny\ny\n…", "", truncated=True)


@pytest.mark.parametrize("state", ["created", "missing"])
def test_a_container_that_does_not_run_runs_no_command(setup: RuntimeSetup, state: str) -> None:
    name = setup.create() if state == "created" else setup.name("missing")
    with pytest.raises(EngineRefused):
        _run(setup, name, "true")
