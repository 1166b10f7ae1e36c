"""Events: what is told as it happens."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The public names of what is told as it happens."""

    DEPLOY_PROGRESS = "deploy.progress"
    OPERATION_PROGRESS = "operation.progress"
    SERVICE_STATUS = "service.status"


@dataclass(frozen=True)
class Event:
    """A fact, written with the change that it tells of. `sequence` is in the order of commits, without gaps."""

    sequence: int
    id: str
    type: EventType
    at: datetime
    resource: str
    data: dict[str, Any]
    customer_id: str | None = None
