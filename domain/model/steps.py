"""Steps of background work, and how it failed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Step:
    """One step of a deployment or operation and when it ran."""

    name: str
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Failure:
    """Why work ended badly: a code for programs, a message for people, the container's last lines."""

    code: str
    message: str
    log: tuple[str, ...] = ()
