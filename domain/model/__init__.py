"""The words of the panel: what a service, a deployment, an operation, an API key, a session, an event are."""

from domain.model.callers import ApiKey, Role, Session, Ticket
from domain.model.events import Event, EventType
from domain.model.identifiers import new_id
from domain.model.service import (
    Definition,
    DeployMethod,
    Health,
    HealthCheck,
    Limits,
    Sample,
    Service,
    ServiceStatus,
    Size,
    Usage,
    Variable,
)
from domain.model.work import (
    ENDED_DEPLOYMENT,
    ENDED_OPERATION,
    Deployment,
    DeploymentStatus,
    Failure,
    Kind,
    LogLine,
    Operation,
    OperationStatus,
    Step,
    Trigger,
)

__all__ = [
    "ENDED_DEPLOYMENT",
    "ENDED_OPERATION",
    "ApiKey",
    "Definition",
    "DeployMethod",
    "Deployment",
    "DeploymentStatus",
    "Event",
    "EventType",
    "Failure",
    "Health",
    "HealthCheck",
    "Kind",
    "Limits",
    "LogLine",
    "Operation",
    "OperationStatus",
    "Role",
    "Sample",
    "Service",
    "ServiceStatus",
    "Session",
    "Size",
    "Step",
    "Ticket",
    "Trigger",
    "Usage",
    "Variable",
    "new_id",
]
