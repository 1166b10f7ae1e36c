"""Faults in the middle of background work: a call that fails once, a process that dies."""

from collections.abc import Callable
from typing import Any

import pytest


class Killed(BaseException):
    """Stands for the death of the process: no code of the product handles it."""


def fail_once(monkeypatch: pytest.MonkeyPatch, target: object, name: str, fault: BaseException, *, after: bool) -> None:
    """Let the next call of a method fail, before or after it has had its effect."""
    method: Callable[..., Any] = getattr(target, name)
    pending = [fault]

    def fails(*arguments: Any, **named: Any) -> Any:
        if not pending:
            return method(*arguments, **named)
        if after:
            method(*arguments, **named)
        raise pending.pop()

    monkeypatch.setattr(target, name, fails)
