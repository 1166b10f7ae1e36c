"""Deployments, their logs, and the operations that carry them out."""

from dataclasses import asdict

from domain.deployments import DeploymentDetail, Log
from domain.model.deployment import Deployment, LogLine
from domain.model.operation import Operation
from domain.model.steps import Failure, Step
from handlers.serializers.values import Json, duration, moment


def failure(one: Failure | None) -> Json | None:
    return {"code": one.code, "message": one.message, "log": list(one.log)} if one else None


def step(one: Step) -> Json:
    return {
        "name": one.name,
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
        "duration_ms": duration(one.started_at, one.finished_at),
    }


def deployment_summary(one: Deployment) -> Json:
    return {
        "id": one.id,
        "service_id": one.service_id,
        "customer_id": one.customer_id,
        "status": one.status,
        "trigger": one.trigger,
        "actor_id": one.actor_id,
        "operation_id": one.operation_id,
        "rollback_of": one.rollback_of,
        "superseded_by": one.superseded_by,
        "failure": failure(one.failure),
        "created_at": moment(one.created_at),
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
        "duration_ms": duration(one.started_at, one.finished_at),
    }


def deployment(one: DeploymentDetail) -> Json:
    row, changes = one.deployment, asdict(one.changes)
    return deployment_summary(row) | {
        "steps": [step(each) for each in row.steps],
        "images": [{"reference": reference, "digest": digest} for reference, digest in row.images.items()],
        "changes": changes,
    }


def log_line(one: LogLine) -> Json:
    return {"number": one.number, "at": moment(one.at), "step": one.step, "stream": one.stream, "text": one.text}


def deployment_log(one: Log) -> Json:
    return {"data": [log_line(line) for line in one.lines], "next_after": one.next_after, "complete": one.complete}


def operation(one: Operation) -> Json:
    return {
        "id": one.id,
        "kind": one.kind,
        "status": one.status,
        "progress": one.progress,
        "resource_type": "service",
        "resource_id": one.service_id,
        "deployment_id": one.deployment_id,
        "customer_id": one.customer_id,
        "actor_id": one.actor_id,
        "request_id": one.request_id,
        "cancel_requested": one.cancel_requested,
        "steps": [step(each) for each in one.steps],
        "failure": failure(one.failure),
        "created_at": moment(one.created_at),
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
    }
