"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time. `now()` is aware and in UTC, cut to milliseconds."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...
