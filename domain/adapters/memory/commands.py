"""Commands in fake containers: a few programs, which behave as those of busybox do."""

import time
from collections.abc import Callable, Mapping

from domain.adapters.memory.containers import FakeContainer
from domain.model.masking import CUT
from domain.ports.commands import Command, CommandResult
from domain.ports.runtime import Engine, EngineRefused

Program = Callable[[tuple[str, ...]], tuple[int, str, str, float]]
"""Takes arguments, and returns exit code, stdout, stderr and how many seconds it runs."""
_ENDLESS = float("inf")
_MISSING = 127
PROGRAMS: Mapping[str, Program] = {
    "true": lambda _: (0, "", "", 0.0),
    "false": lambda _: (1, "", "", 0.0),
    "echo": lambda arguments: (0, " ".join(arguments) + "\n", "", 0.0),
    "sleep": lambda arguments: (0, "", "", float(arguments[0])),
    "yes": lambda _: (0, "y\n" * 1_000_000, "", _ENDLESS),
    "cat": lambda arguments: (1, "", f"cat: can't open '{arguments[0]}': No such file or directory\n", 0.0),
}


class Commands:
    """The part of the in-memory engine that runs commands."""

    fakes: dict[str, FakeContainer]

    def ping(self) -> Engine:
        """Raise Unavailable if the engine is away."""
        raise NotImplementedError

    def run_command(self, name: str, command: Command) -> CommandResult:
        """Run one of `PROGRAMS`."""
        self.ping()
        fake = self.fakes.get(name)
        if fake is None or not fake.is_running:
            raise EngineRefused(f"container {name} is not running")
        return _run(command)


def _run(command: Command) -> CommandResult:
    """Run a program, for at most the time limit."""
    program = PROGRAMS.get(command.argv[0])
    if program is None:
        return CommandResult(_MISSING, "", f'exec: "{command.argv[0]}": executable file not found\n')
    try:
        code, stdout, stderr, seconds = program(command.argv[1:])
    except (IndexError, ValueError):
        return CommandResult(1, "", f"{command.argv[0]}: wrong arguments\n")
    time.sleep(min(seconds, command.seconds))
    truncated = max(len(stdout), len(stderr)) > command.max_output
    cut = [text[: command.max_output] + CUT if len(text) > command.max_output else text for text in (stdout, stderr)]
    return CommandResult(code if seconds <= command.seconds else None, cut[0], cut[1], truncated)
