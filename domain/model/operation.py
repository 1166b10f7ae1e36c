"""Operations: background work, and how far it is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.model.steps import Failure, Step


class OperationStatus(StrEnum):
    """Where a piece of background work is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


ENDED_OPERATION = frozenset(
    {OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED, OperationStatus.ROLLED_BACK}
)


class Kind(StrEnum):
    """The kinds of background work."""

    DEPLOY = "deploy"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    DELETE = "delete"


@dataclass
class Operation:
    """Work that goes on: the row is the job. A lease says which worker holds it, and until when."""

    id: str
    kind: Kind
    service_id: str
    created_at: datetime
    customer_id: str | None = None
    actor_id: str | None = None
    request_id: str | None = None
    deployment_id: str | None = None
    status: OperationStatus = OperationStatus.QUEUED
    options: dict[str, Any] = field(default_factory=dict)
    progress: int = 0
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    cancel_requested: bool = False
    past_return: bool = False
    lease_owner: str | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    revision: int = 1

    @property
    def queued_operation_id(self) -> str:
        """Return its own ID: the operation that a request queued is its result."""
        return self.id
