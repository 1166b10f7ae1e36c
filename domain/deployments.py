"""Deployments: asking for one, starting, stopping, scaling, going back, and their history."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from domain import definitions, operations, services
from domain.errors import Conflict, Invalid
from domain.identity.access import Caller, not_found, sees
from domain.model.definition import Definition
from domain.model.deployment import ENDED_DEPLOYMENT, Deployment, DeploymentStatus, LogLine, Trigger
from domain.model.operation import Kind, Operation, OperationStatus
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.store import Page, Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, perform
from domain.resources.queries import query, scoped
from domain.work.queue import detach, enqueue, enqueue_deployment

_SETTINGS = {"port": "port", "sizes": "resources", "health_check": "health_check", "timeout": "deploy_timeout"}


@dataclass(frozen=True)
class Difference:
    """What a deployment changed against the success before it."""

    compose: str | None
    variables_added: tuple[str, ...]
    variables_removed: tuple[str, ...]
    variables_changed: tuple[str, ...]
    settings: tuple[str, ...]


@dataclass(frozen=True)
class DeploymentDetail:
    """A deployment and what it changed."""

    deployment: Deployment
    changes: Difference


@dataclass(frozen=True)
class Log:
    """Lines of a deployment's log; `complete` when nothing more will come after them."""

    lines: tuple[LogLine, ...]
    next_after: int
    complete: bool


def visible(caller: Caller, work: Work, deployment_id: str) -> Deployment:
    """The deployment, or NotFound."""
    deployment = work.deployments.get(deployment_id)
    if deployment is None or not sees(caller, deployment.customer_id):
        raise not_found("Deployment", deployment_id)
    return deployment


def deploy_service(
    ports: Ports, caller: Caller, service_id: str, body: Mapping[str, Any] | None = None, *, dry_run: bool = False
) -> DeploymentDetail | DryRun:
    """Queue a deployment of the current definition, or first of another image or compose text."""

    def act(work: Work) -> tuple[DeploymentDetail, tuple[Change, ...]]:
        service = services.changeable(caller, work, service_id)
        definitions.adopt(ports.vault, service, definitions.sourced(ports.vault, service, body or {}))
        deployment = _queued(ports, caller, work, service, Trigger.DEPLOY)
        return _detail(work, deployment), (_deploys(f"Starts new containers of {service.name} beside the old"),)

    return perform(ports, act, dry_run=dry_run)


def _queued(
    ports: Ports, caller: Caller, work: Work, service: Service, trigger: Trigger, earlier: Deployment | None = None
) -> Deployment:
    """Save the changed service as one that is to run, and queue the deployment that makes it so."""
    now = ports.clock.now()
    service.wanted, service.updated_at = ServiceStatus.RUNNING, now
    work.services.save(service)
    return enqueue_deployment(work, now, caller, service, trigger, earlier)


def _deploys(summary: str) -> Change:
    return Change("deploy", "deployment", None, summary)


def start_service(ports: Ports, caller: Caller, service_id: str, *, dry_run: bool = False) -> Operation | DryRun:
    """Ask for the live deployment to run; it succeeds when it does already."""
    return _operate(ports, caller, service_id, Kind.START, dry_run=dry_run)


def stop_service(
    ports: Ports, caller: Caller, service_id: str, body: Mapping[str, Any] | None = None, *, dry_run: bool = False
) -> Operation | DryRun:
    """Ask for the containers to be stopped; they stay, so that starting again is quick."""
    grace = (body or {}).get("grace_seconds")
    return _operate(ports, caller, service_id, Kind.STOP, dry_run=dry_run, grace=grace)


def restart_service(ports: Ports, caller: Caller, service_id: str, *, dry_run: bool = False) -> Operation | DryRun:
    """Ask for one replica after the other to be started again."""
    return _operate(ports, caller, service_id, Kind.RESTART, dry_run=dry_run)


def _operate(
    ports: Ports, caller: Caller, service_id: str, kind: Kind, *, dry_run: bool, **options: object
) -> Operation | DryRun:
    def act(work: Work) -> tuple[Operation, tuple[Change, ...]]:
        service = services.changeable(caller, work, service_id)
        _must_have_been_deployed(work, service)
        service.wanted = ServiceStatus.STOPPED if kind is Kind.STOP else ServiceStatus.RUNNING
        work.services.save(service)
        change = Change(kind.value, "service", service_id, f"{kind.value.capitalize()}s {service.name}")
        return enqueue(work, ports.clock.now(), caller, service, kind, **options), (change,)

    return perform(ports, act, dry_run=dry_run)


def _must_have_been_deployed(work: Work, service: Service) -> None:
    if service.live_deployment_id is None and not work.operations.unfinished(service.id):
        raise Conflict(
            "The service has no live deployment", code="wrong_state", details="Deploy it: POST /services/{id}/deploy"
        )


def scale_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: Mapping[str, Any],
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Operation | DryRun:
    """Change replicas, cpu or memory of one compose service and queue the deployment that carries it out."""
    names = {"cpu_limit": "cpu", "memory_limit_mb": "memory_mb", "replicas": "replicas"}
    size = {names[name]: value for name, value in body.items() if name in names}

    def act(work: Work) -> tuple[Operation, tuple[Change, ...]]:
        service = services.changeable(caller, work, service_id)
        revisions.match(if_match, service.revision, "service")
        checked = definitions.project(ports.vault, service.definition)
        resized = definitions.resized(service.definition, checked, body.get("component"), size)
        definitions.adopt(ports.vault, service, resized)
        deployment = _queued(ports, caller, work, service, Trigger.SCALE)
        operation = operations.visible(caller, work, deployment.operation_id)
        return operation, (_deploys(f"Starts {service.name} anew in its new size"),)

    return perform(ports, act, dry_run=dry_run)


def rollback_service(
    ports: Ports, caller: Caller, service_id: str, body: Mapping[str, Any] | None = None, *, dry_run: bool = False
) -> DeploymentDetail | DryRun:
    """Queue an earlier success again, with its image digests; its definition becomes the service's."""

    def act(work: Work) -> tuple[DeploymentDetail, tuple[Change, ...]]:
        service = services.changeable(caller, work, service_id)
        earlier = _rolled_back_to(work, service, (body or {}).get("deployment_id"))
        definitions.adopt(ports.vault, service, earlier.definition)
        deployment = _queued(ports, caller, work, service, Trigger.ROLLBACK, earlier)
        return _detail(work, deployment), (_deploys(f"Brings back {earlier.id} of {service.name}"),)

    return perform(ports, act, dry_run=dry_run)


def _rolled_back_to(work: Work, service: Service, deployment_id: str | None) -> Deployment:
    if deployment_id is None:
        earlier = work.deployments.previous_success(service.id, before=service.live_deployment_id)
        if earlier is None or service.live_deployment_id is None:
            raise Conflict("There is no earlier success to go back to", code="nothing_to_roll_back")
        return earlier
    earlier = work.deployments.get(deployment_id)
    if earlier is None or earlier.service_id != service.id:
        raise Invalid({"deployment_id": f"{service.name} has no deployment with ID {deployment_id}"})
    if earlier.status is not DeploymentStatus.SUCCEEDED or earlier.superseded_by:
        raise Conflict("Only a deployment that succeeded itself can be brought back", code="nothing_to_roll_back")
    return earlier


def list_deployments(
    ports: Ports,
    caller: Caller,
    *,
    customer_id: str | None = None,
    **wanted: Any,  # noqa: ANN401
) -> Page[Deployment]:
    """A page of the history that exists for the caller."""
    filters = {name: wanted.pop(name, None) for name in ("service_id", "status", "trigger", "actor_id")}
    since, until = wanted.pop("from", None), wanted.pop("to", None)
    with ports.store.read() as work:
        asked = query(filters=scoped(caller, filters, customer_id), since=since, until=until, **wanted)
        return work.deployments.page(asked)


def get_deployment(ports: Ports, caller: Caller, deployment_id: str) -> DeploymentDetail:
    """The deployment and what it changed."""
    with ports.store.read() as work:
        return _detail(work, visible(caller, work, deployment_id))


def cancel_deployment(ports: Ports, caller: Caller, deployment_id: str) -> DeploymentDetail:
    """End one that has not begun itself, or stop and undo a running one. Raise Conflict when it is too late."""
    now = ports.clock.now()
    with ports.store.read() as work:
        found = visible(caller, work, deployment_id)
    with ports.store.begin() as work:
        work.services.get(found.service_id)  # locked before its work, and that before what it carries, as everywhere
        operation = operations.visible(caller, work, found.operation_id)
        deployment = visible(caller, work, deployment_id)
        if deployment.status in ENDED_DEPLOYMENT:
            raise Conflict(f"It has ended already: {deployment.status}", code="already_ended")
        if operation.status is OperationStatus.QUEUED or deployment.superseded_by:
            detach(work, operation, deployment, now)
        else:
            operations.cancel(work, operation)
        return _detail(work, visible(caller, work, deployment_id))


def get_deployment_logs(ports: Ports, caller: Caller, deployment_id: str, *, after: int = 0, limit: int = 200) -> Log:
    """At most `limit` lines that follow line `after`."""
    with ports.store.read() as work:
        deployment = visible(caller, work, deployment_id)
        lines = tuple(work.deployments.lines(_carrier(work, deployment).id, after, limit))
    ended = deployment.status in ENDED_DEPLOYMENT and len(lines) < limit
    return Log(lines, next_after=lines[-1].number if lines else after, complete=ended)


def _carrier(work: Work, deployment: Deployment) -> Deployment:
    carrier = work.deployments.get(deployment.superseded_by) if deployment.superseded_by else None
    return carrier or deployment


def _detail(work: Work, deployment: Deployment) -> DeploymentDetail:
    earlier = work.deployments.previous_success(deployment.service_id, before=deployment.id)
    return DeploymentDetail(deployment, _difference(earlier.definition if earlier else None, deployment.definition))


def _difference(old: Definition | None, new: Definition) -> Difference:
    before = {one.name: one for one in old.variables} if old else {}
    after = {one.name: one for one in new.variables}
    return Difference(
        compose=_compose_diff(old.compose if old else "", new.compose),
        variables_added=tuple(sorted(after.keys() - before.keys())),
        variables_removed=tuple(sorted(before.keys() - after.keys())),
        variables_changed=tuple(sorted(name for name in after.keys() & before.keys() if after[name] != before[name])),
        settings=tuple(told for name, told in _SETTINGS.items() if old and getattr(old, name) != getattr(new, name)),
    )


def _compose_diff(old: str, new: str) -> str | None:
    lines = unified_diff(old.splitlines(), new.splitlines(), "before", "after", lineterm="")
    return "\n".join(lines) or None
