"""Operations: background work about a resource."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.steps import Failure, Step

Option = str | int | float | bool | None


class OperationStatus(StrEnum):
    """The state of an operation."""

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
    """The kinds of operations; `domain.tasks` has a task for each."""

    DEPLOY = "deploy"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    DELETE = "delete"
    ROLLBACK = "rollback"
    CREATE_CUSTOMER = "create_customer"
    SUSPEND_CUSTOMER = "suspend_customer"
    REACTIVATE_CUSTOMER = "reactivate_customer"
    DELETE_CUSTOMER = "delete_customer"
    CREATE_USER = "create_user"


@dataclass
class Operation:
    """An operation. Its row is the job: a lease says which worker runs it, and until when.

    At most one operation runs at a time for each `lock_key`. `options` holds what the caller asked for and what a
    worker leaves for the next one. `kind` is a string, so that the queue needs no list of kinds; compare with `==`.
    An operation with `behind_customer` waits until no operation of that customer is queued or running.
    """

    id: str
    kind: str
    resource_type: str
    resource_id: str
    lock_key: str
    created_at: datetime
    customer_id: str | None = None
    actor_id: str | None = None
    request_id: str | None = None
    deployment_id: str | None = None
    status: OperationStatus = OperationStatus.QUEUED
    options: dict[str, Option] = field(default_factory=dict)
    progress: int = 0
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    cancel_requested: bool = False
    irreversible: bool = False
    lease_owner: str | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    behind_customer: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    revision: int = 1

    @property
    def queued_operation_id(self) -> str:
        """Return its own ID: the operation that a request queued is its result."""
        return self.id
