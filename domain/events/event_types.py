"""The events that changes publish. They contain ids and statuses, never whole resources or secrets."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.model import timestamps
from domain.model.deployment import Deployment
from domain.model.event import Event, EventType
from domain.model.identifiers import new_id
from domain.model.operation import Operation
from domain.model.service import Service


@dataclass(frozen=True)
class EventContent:
    """An event without its id, number and time. `resource` is a kind and an id: `service:svc_…`."""

    type: EventType
    resource: str
    customer_id: str | None
    data: dict[str, Any]


def with_status(content: EventContent, status: str) -> EventContent:
    """Return the event with another status in its data."""
    return replace(content, data={**content.data, "status": status})


def create_event(content: EventContent, sequence: int, at: datetime) -> Event:
    """Return the event with a new id."""
    return Event(sequence, new_id("evt"), content.type, at, content.resource, content.data, content.customer_id)


def event_json(event: Event) -> dict[str, Any]:
    """Return the event as the document's `Event`, for HTTP, event streams and WebSockets."""
    return {
        "seq": event.sequence,
        "id": event.id,
        "type": str(event.type),
        "at": timestamps.format_time(event.at),
        "customer_id": event.customer_id,
        "resource": event.resource,
        "data": event.data,
    }


def service_status(service: Service) -> EventContent:
    """Return the event of a change of a service."""
    data = {"service_id": service.id, "status": str(service.status), "url": service.url}
    return EventContent(EventType.SERVICE_STATUS, f"service:{service.id}", service.customer_id, data)


def deploy_progress(deployment: Deployment) -> EventContent:
    """Return the event of a change of a deployment."""
    data = {
        "service_id": deployment.service_id,
        "deployment_id": deployment.id,
        "operation_id": deployment.operation_id,
        "status": str(deployment.status),
        "failure_code": deployment.failure.code if deployment.failure else None,
    }
    return EventContent(EventType.DEPLOY_PROGRESS, f"deployment:{deployment.id}", deployment.customer_id, data)


def operation_progress(operation: Operation) -> EventContent:
    """Return the event of a change of an operation."""
    data = {
        "service_id": operation.resource_id if operation.resource_type == "service" else None,
        "deployment_id": operation.deployment_id,
        "operation_id": operation.id,
        "kind": str(operation.kind),
        "status": str(operation.status),
        "step": operation.steps[-1].name if operation.steps else None,
        "progress": operation.progress,
        "failure_code": operation.failure.code if operation.failure else None,
    }
    return EventContent(EventType.OPERATION_PROGRESS, f"operation:{operation.id}", operation.customer_id, data)
