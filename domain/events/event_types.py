"""From a change to the event that tells of it: ids and states, never whole things and never secrets."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.model import timestamps
from domain.model.deployment import Deployment
from domain.model.event import Event, EventType
from domain.model.identifiers import new_id
from domain.model.operation import Operation
from domain.model.service import Service

Told = tuple[EventType, str, str | None, dict[str, Any]]


def told(thing: object, *, removed: bool = False) -> Told | None:
    """Type, resource, customer and data of the event; None for things whose changes are nobody's news."""
    tell = _TOLD.get(type(thing))
    if tell is None:
        return None
    kind, resource, customer_id, data = tell(thing)
    return kind, resource, customer_id, {**data, "status": "deleted"} if removed else data


def event(fact: Told, sequence: int, at: datetime) -> Event:
    """The event of a fact, numbered."""
    kind, resource, customer_id, data = fact
    return Event(sequence, new_id("evt"), kind, at, resource, data, customer_id)


def public(told: Event) -> dict[str, Any]:
    """The event as the document has it, wherever it is read."""
    return {
        "seq": told.sequence,
        "id": told.id,
        "type": str(told.type),
        "at": timestamps.text(told.at),
        "customer_id": told.customer_id,
        "resource": told.resource,
        "data": told.data,
    }


def _service(service: Service) -> Told:
    data = {"service_id": service.id, "status": str(service.status), "url": service.url}
    return EventType.SERVICE_STATUS, f"service:{service.id}", service.customer_id, data


def _deployment(deployment: Deployment) -> Told:
    data = {
        "service_id": deployment.service_id,
        "deployment_id": deployment.id,
        "operation_id": deployment.operation_id,
        "status": str(deployment.status),
        "failure": deployment.failure.code if deployment.failure else None,
    }
    return EventType.DEPLOY_PROGRESS, f"deployment:{deployment.id}", deployment.customer_id, data


def _operation(operation: Operation) -> Told:
    data = {
        "service_id": operation.service_id,
        "deployment_id": operation.deployment_id,
        "operation_id": operation.id,
        "kind": str(operation.kind),
        "status": str(operation.status),
        "step": operation.steps[-1].name if operation.steps else None,
        "progress": operation.progress,
        "failure": operation.failure.code if operation.failure else None,
    }
    return EventType.OPERATION_PROGRESS, f"operation:{operation.id}", operation.customer_id, data


_TOLD: dict[type, Callable[[Any], Told]] = {
    Deployment: _deployment,
    Operation: _operation,
    Service: _service,
}
