"""Progress bars at the bottom of a terminal: one for each deployment that pulls images."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from handlers.program.watch.messages import Message
from handlers.program.watch.panel_client import PanelClient

_PULL_START, _PULL_SHARE = 5, 40  # percent of a deployment's progress: where its pull begins, and how much it takes
_INTERVAL, _INTERVAL_WITHOUT_BARS = 2.0, 10.0  # seconds: each query counts against the key's rate limit


class PullProgress:
    """A bar shows the pulled layers; the text beside it shows the bytes that the engine reports."""

    def __init__(self, panel: PanelClient, console: Console) -> None:
        self._panel = panel
        self._console = console
        self._interval = _INTERVAL if console.is_terminal else _INTERVAL_WITHOUT_BARS
        self._queried_at = -math.inf
        self._last_lines: dict[str, int] = {}
        self._bars: dict[str, TaskID] = {}
        self._progress: Progress | None = None

    def update(self, name: str, message: Message) -> str:
        """Move the bar of a deployment. Return the engine's new status text, or ""."""
        text = self._new_text(message.data["deployment_id"])
        if self._console.is_terminal:
            share = (message.data["progress"] - _PULL_START) * 100 / _PULL_SHARE
            self._move(message.data["operation_id"], name, max(0.0, share), text)
        return text

    def finish(self, message: Message) -> None:
        """Remove the bar of an operation."""
        bar = self._bars.pop(message.data["operation_id"], None)
        if self._progress and bar is not None:
            self._progress.remove_task(bar)
        if not self._bars:
            self.close()

    def close(self) -> None:
        """Remove all bars. The next update adds one again."""
        if self._progress:
            self._progress.stop()
        self._progress = None
        self._bars.clear()

    def _new_text(self, deployment_id: str) -> str:
        is_new = deployment_id not in self._last_lines
        if is_new or time.monotonic() < self._queried_at + self._interval:
            self._last_lines.setdefault(deployment_id, 0)
            return ""
        self._queried_at = time.monotonic()
        text, after = self._panel.pull_status(deployment_id, self._last_lines[deployment_id])
        self._last_lines[deployment_id] = after
        return text

    def _move(self, operation_id: str, name: str, share: float, text: str) -> None:
        if self._progress is None:
            self._progress = _create_progress(self._console)
            self._progress.start()
        if operation_id not in self._bars:
            self._bars[operation_id] = self._progress.add_task(name, text="")
        bar = self._bars[operation_id]
        self._progress.update(bar, completed=share)
        if text:
            self._progress.update(bar, text=text)


def _create_progress(console: Console) -> Progress:
    columns = (
        TextColumn("          {task.description:14}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TextColumn("{task.fields[text]}", markup=False),
    )
    return Progress(*columns, console=console, transient=True)
