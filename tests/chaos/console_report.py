"""Print the progress of a run: a line for each event, and a status line once a second or in place at a terminal."""

import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console

from tests.chaos.check_result import CheckResult
from tests.chaos.client import RequestLog
from tests.chaos.parts import Cluster
from tests.chaos.watchers import Watcher

_INTERVAL = 1.0
_MAX_PROBLEMS = 5


class ConsoleReport:
    """Prints to the console, or nothing if `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self._status = self._console.status("starting") if self._console.is_terminal else None
        self._printed_at = 0.0

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def line(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False)

    def progress(self, now: float, completed: int, cuts: int, down: Iterable[str]) -> None:
        """Print the status."""
        missing = ", ".join(sorted(down)) or "-"
        text = f"{now:6.1f} s  {completed} requests completed, watchers disconnected {cuts} times, down: {missing}"
        if self._status:
            self._status.update(text)
        elif time.monotonic() - self._printed_at >= _INTERVAL:
            self._printed_at = time.monotonic()
            self.line(text)

    def result(self, result: CheckResult) -> None:
        """Print the result of a check and its problems."""
        self.line(f"{'WRONG' if result.problems else 'ok   '}  {result.statement}")
        for problem in result.problems[:_MAX_PROBLEMS]:
            self.line(f"       {problem}")
        if len(result.problems) > _MAX_PROBLEMS:
            self.line(f"       and {len(result.problems) - _MAX_PROBLEMS} more")

    def summary(self, done: "Counter[str]", request_log: RequestLog, watchers: list[Watcher], cluster: Cluster) -> None:
        """Print how many faults, requests, events and restarts there were."""
        attempts = sum(request.failed_attempts.total() for request in request_log.requests)
        cuts = sum(watcher.cuts for watcher in watchers)
        received = max(len(watcher.received) for watcher in watchers)
        self.line(
            f"{sum(done.values())} faults: " + ", ".join(f"{name} {count}" for name, count in sorted(done.items()))
        )
        self.line(
            f"{len(request_log.completed)} requests completed, {attempts} retries; {len(request_log.services)} services"
        )
        self.line(f"{received} events to {len(watchers)} watchers, which were disconnected {cuts} times")
        self.line(f"the engine was repaired {cluster.servers['engine'].repairs} times")
        self.line("starts: " + ", ".join(f"{part.name} {part.starts}" for part in cluster.parts.values()))
