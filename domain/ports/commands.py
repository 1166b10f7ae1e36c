"""Commands that run in containers, next to the container's own program."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Command:
    """A command without a shell: `argv` is the program and its arguments.

    `seconds` is how long it may run. `max_output` is how many bytes of stdout, and of stderr, are kept.
    """

    argv: tuple[str, ...]
    seconds: float
    max_output: int


@dataclass(frozen=True)
class CommandResult:
    """What a command printed, as text that JSON can carry, without control sequences.

    `exit_code` is None if the time limit ended the command. `truncated`: more was printed than is kept; the last line
    that is kept ends in "…".
    """

    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool = False


class CommandRunner(Protocol):
    """The part of the container engine that runs commands."""

    def run_command(self, name: str, command: Command) -> CommandResult:
        """Run a command in a running container, with the container's user, folder and environment.

        Returns when the command ends. At the time limit, the command and all processes that it started are killed; a
        process that has emptied its environment is not found. A program that does not exist has exit code 126 or 127.
        Raise EngineRefused if the container does not run, or if a command cannot be killed.
        """
