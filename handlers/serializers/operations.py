"""The JSON of operations, their steps and their failures."""

from domain.model.operation import Operation
from domain.model.steps import Failure, Step
from handlers.serializers.values import Json, milliseconds, timestamp


def failure(reason: Failure | None) -> Json | None:
    return {"code": reason.code, "message": reason.message, "log": list(reason.log)} if reason else None


def step(taken: Step) -> Json:
    return {
        "name": taken.name,
        "started_at": timestamp(taken.started_at),
        "finished_at": timestamp(taken.finished_at),
        "duration_ms": milliseconds(taken.started_at, taken.finished_at),
    }


def operation(row: Operation) -> Json:
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
        "progress": row.progress,
        "resource_type": row.resource_type,
        "resource_id": row.resource_id,
        "deployment_id": row.deployment_id,
        "customer_id": row.customer_id,
        "actor_id": row.actor_id,
        "request_id": row.request_id,
        "cancel_requested": row.cancel_requested,
        "steps": [step(taken) for taken in row.steps],
        "failure": failure(row.failure),
        "created_at": timestamp(row.created_at),
        "started_at": timestamp(row.started_at),
        "finished_at": timestamp(row.finished_at),
    }
