"""The result of a check."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckResult:
    """A statement that must be true, and the problems that contradict it."""

    statement: str
    problems: tuple[str, ...]
