"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The current time. `now()` is in UTC with its time zone, truncated to milliseconds."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...
