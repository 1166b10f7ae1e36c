"""The JSON of deployments and their logs."""

from dataclasses import asdict

from domain.deployments import DeploymentDetail, Log
from domain.model.deployment import Deployment, LogLine
from handlers.serializers.operations import failure, step
from handlers.serializers.values import Json, milliseconds, timestamp


def deployment_summary(row: Deployment) -> Json:
    return {
        "id": row.id,
        "service_id": row.service_id,
        "customer_id": row.customer_id,
        "status": row.status,
        "trigger": row.trigger,
        "actor_id": row.actor_id,
        "operation_id": row.operation_id,
        "rollback_of": row.rollback_of,
        "superseded_by": row.superseded_by,
        "commit": row.commit,
        "failure": failure(row.failure),
        "created_at": timestamp(row.created_at),
        "started_at": timestamp(row.started_at),
        "finished_at": timestamp(row.finished_at),
        "duration_ms": milliseconds(row.started_at, row.finished_at),
    }


def deployment(detail: DeploymentDetail) -> Json:
    row = detail.deployment
    return deployment_summary(row) | {
        "steps": [step(taken) for taken in row.steps],
        "images": [{"reference": reference, "digest": digest} for reference, digest in row.images.items()],
        "changes": asdict(detail.changes),
    }


def log_line(line: LogLine) -> Json:
    return {
        "number": line.number,
        "at": timestamp(line.at),
        "step": line.step,
        "stream": line.stream,
        "text": line.text,
    }


def deployment_log(log: Log) -> Json:
    return {"data": [log_line(line) for line in log.lines], "next_after": log.next_after, "complete": log.complete}
