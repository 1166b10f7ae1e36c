"""How a campaign is told: a line for all that happens, and how it stands once a second or, at a terminal, in place."""

import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console

from tests.chaos.asking import Ledger
from tests.chaos.finding import Finding
from tests.chaos.parts import House
from tests.chaos.watchers import Watcher

_EVERY = 1.0
_SHOWN = 5


class Telling:
    """Tells at the console; `quiet` keeps it to itself."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self._status = self._console.status("starting") if self._console.is_terminal else None
        self._told_at = 0.0

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
        """Something that happened."""
        self._console.print(text, markup=False)

    def progress(self, now: float, answered: int, cuts: int, down: Iterable[str]) -> None:
        """How it stands."""
        missing = ", ".join(sorted(down)) or "-"
        text = f"{now:6.1f} s  {answered} requests answered, watchers cut {cuts} times, down: {missing}"
        if self._status:
            self._status.update(text)
        elif time.monotonic() - self._told_at >= _EVERY:
            self._told_at = time.monotonic()
            self.line(text)

    def finding(self, finding: Finding) -> None:
        """A sentence, and what speaks against it."""
        self.line(f"{'WRONG' if finding.wrong else 'ok   '}  {finding.sentence}")
        for wrong in finding.wrong[:_SHOWN]:
            self.line(f"       {wrong}")
        if len(finding.wrong) > _SHOWN:
            self.line(f"       and {len(finding.wrong) - _SHOWN} more")

    def summary(self, done: "Counter[str]", ledger: Ledger, watchers: list[Watcher], house: House) -> None:
        """How much was done, and what befell whom."""
        tries = sum(asked.refused.total() for asked in ledger.asked)
        cuts, told = sum(one.cuts for one in watchers), max(len(one.told) for one in watchers)
        self.line(
            f"{sum(done.values())} faults: " + ", ".join(f"{what} {count}" for what, count in sorted(done.items()))
        )
        self.line(f"{len(ledger.answered)} requests answered, {tries} tries more; {len(ledger.services)} services")
        self.line(f"{told} events to {len(watchers)} watchers, who were cut {cuts} times")
        self.line(f"the engine had to be mended {house.servers['engine'].mended} times")
        self.line("starts: " + ", ".join(f"{part.name} {part.starts}" for part in house.parts.values()))
