"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The current time.

    `now()` is in UTC with its time zone, truncated to milliseconds. `monotonic()` is in seconds since any time, for
    durations: setting the clock does not change it.
    """

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
