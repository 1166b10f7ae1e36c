"""How far the images of each deployment have come: a bar each, at the bottom of a terminal."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from handlers.program.watch.messages import Message
from handlers.program.watch.panel import Panel

_FIRST, _SHARE = 5, 40  # where in the progress of a deployment its pull begins, and how much of it that is
_ASK_EVERY, _ASK_EVERY_ELSEWHERE = 2.0, 10.0  # seconds: each time costs one request of the key's budget


class Pulls:
    """Layers that are done move the bar; beside it stands what the engine says of bytes."""

    def __init__(self, panel: Panel, console: Console) -> None:
        self._panel = panel
        self._console = console
        self._every = _ASK_EVERY if console.is_terminal else _ASK_EVERY_ELSEWHERE
        self._asked = -math.inf
        self._seen: dict[str, int] = {}
        self._bars: dict[str, TaskID] = {}
        self._progress: Progress | None = None

    def tell(self, name: str, message: Message) -> str:
        """Move its bar; answer what the engine says, when it was asked and has news."""
        news = self._news(message.data["deployment_id"])
        if self._console.is_terminal:
            share = (message.data["progress"] - _FIRST) * 100 / _SHARE
            self._move(message.data["operation_id"], name, max(0.0, share), news)
        return news

    def end(self, message: Message) -> None:
        """It pulls no more."""
        bar = self._bars.pop(message.data["operation_id"], None)
        if self._progress and bar is not None:
            self._progress.remove_task(bar)
        if not self._bars:
            self.close()

    def close(self) -> None:
        """Take away all bars; the next news brings one again."""
        if self._progress:
            self._progress.stop()
        self._progress = None
        self._bars.clear()

    def _news(self, deployment_id: str) -> str:
        begins = deployment_id not in self._seen
        if begins or time.monotonic() < self._asked + self._every:
            self._seen.setdefault(deployment_id, 0)
            return ""
        self._asked = time.monotonic()
        news, self._seen[deployment_id] = self._panel.pulled(deployment_id, self._seen[deployment_id])
        return news

    def _move(self, operation_id: str, name: str, share: float, news: str) -> None:
        if self._progress is None:
            self._progress = _bars(self._console)
            self._progress.start()
        if operation_id not in self._bars:
            self._bars[operation_id] = self._progress.add_task(name, news="")
        bar = self._bars[operation_id]
        self._progress.update(bar, completed=share)
        if news:
            self._progress.update(bar, news=news)


def _bars(console: Console) -> Progress:
    columns = (
        TextColumn("          {task.description:14}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TextColumn("{task.fields[news]}", markup=False),
    )
    return Progress(*columns, console=console, transient=True)
