"""Read the history of deployments, and cancel one that has not ended."""

from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

from domain.deployments.detail import DeploymentDetail, read_row
from domain.errors import Conflict, Gone
from domain.identity.access import Caller
from domain.model.deployment import ENDED_DEPLOYMENT, Deployment, LogLine
from domain.model.operation import OperationStatus
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources.queries import list_query
from domain.resources.visibility import get_visible
from domain.rollout.service_queue import detach
from domain.work.queue import request_cancel

ListDeploymentsParameters = TypedDict(
    "ListDeploymentsParameters",
    {
        "page": int,
        "per_page": int,
        "sort": Literal["created_at", "status"],
        "order": Literal["asc", "desc"],
        "customer_id": str,
        "service_id": str,
        "actor_id": str,
        "from": str,
        "to": str,
        "status": Literal[
            "queued",
            "fetching",
            "building",
            "pulling",
            "creating",
            "starting",
            "checking",
            "routing",
            "cleaning",
            "succeeded",
            "failed",
            "cancelled",
            "rolled_back",
        ],
        "trigger": Literal["create", "deploy", "update", "scale", "rollback", "hook"],
    },
    total=False,
)
"""The query parameters of `list_deployments`."""


@dataclass(frozen=True)
class Log:
    """Lines of a deployment's log. `complete` is True if no lines will follow."""

    lines: tuple[LogLine, ...]
    next_after: int
    complete: bool


def list_deployments(ports: Ports, caller: Caller, **parameters: Unpack[ListDeploymentsParameters]) -> Page[Deployment]:
    """Return a page of the deployments that the caller can see, newest first by default."""
    query = list_query(caller, parameters, filters=("service_id", "status", "trigger", "actor_id"))
    with ports.store.read() as work:
        return work.deployments.page(query)


def get_deployment(ports: Ports, caller: Caller, deployment_id: str) -> DeploymentDetail:
    """Return the deployment and what it changed."""
    with ports.store.read() as work:
        row = read_row(work, _visible(caller, work, deployment_id))
    return row.detail()


def cancel_deployment(ports: Ports, caller: Caller, deployment_id: str) -> DeploymentDetail:
    """Cancel a deployment: a queued one ends at once, a running one is stopped and undone.

    Raise Conflict if it has ended or can no longer be undone.
    """
    now = ports.clock.now()
    with ports.store.read() as work:
        found = _visible(caller, work, deployment_id)
    with ports.store.begin() as work:
        work.services.get(found.service_id)  # every transaction locks a service before its operations and deployments
        operation = get_visible(caller, work.operations, "Operation", found.operation_id)
        deployment = _visible(caller, work, deployment_id)
        if deployment.status in ENDED_DEPLOYMENT:
            raise Conflict(f"Cannot cancel {deployment.id}: it has ended as {deployment.status}", code="already_ended")
        if operation.status is OperationStatus.QUEUED or deployment.superseded_by:
            detach(work, operation, deployment, now)
        else:
            request_cancel(work, operation)
        row = read_row(work, _visible(caller, work, deployment_id))
    return row.detail()


def get_deployment_logs(ports: Ports, caller: Caller, deployment_id: str, *, after: int = 0, limit: int = 200) -> Log:
    """Return at most `limit` lines of the log after the line with the number `after`. Raise Gone if there is none."""
    with ports.store.read() as work:
        deployment = _visible(caller, work, deployment_id)
        log_id = _deployed_by(work, deployment).id
        lines = tuple(work.deployments.lines(log_id, after, limit))
        newest = lines[-1].number if lines else work.deployments.last_line_number(log_id)
    if after > newest:
        message = f"The log of {deployment_id} has no line {after} yet"
        raise Gone(message, code="cursor_unknown", details=f"The newest is {newest}. Read everything again")
    ended = deployment.status in ENDED_DEPLOYMENT and len(lines) < limit
    return Log(lines, next_after=lines[-1].number if lines else after, complete=ended)


def _visible(caller: Caller, work: Work, deployment_id: str) -> Deployment:
    return get_visible(caller, work.deployments, "Deployment", deployment_id)


def _deployed_by(work: Work, deployment: Deployment) -> Deployment:
    """Return the deployment that ran in place of this one, or itself."""
    successor = work.deployments.get(deployment.superseded_by) if deployment.superseded_by else None
    return successor or deployment
