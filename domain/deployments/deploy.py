"""Queue deployments: of the current definition, in another size, or of an earlier deployment.

Each rule reads the service, checks the definition outside of any transaction, and begins the transaction that queues
the deployment only then. If the service's definition has changed in between, the rule starts over.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypedDict, cast

from domain.definitions.changes import DefinitionChange, changed_definition, size_change
from domain.definitions.checked import CheckedDefinition, check, resize
from domain.definitions.files import Contents, digests, store_contents
from domain.definitions.host_access import may_give_host_access
from domain.definitions.sources import SourceChange
from domain.deployments.detail import DeploymentDetail, DeploymentRow, read_row
from domain.errors import Conflict, NotFound
from domain.identity.access import Caller
from domain.model.deployment import Deployment, DeploymentStatus, Trigger
from domain.model.operation import Operation
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.visibility import get_changeable_service, get_visible
from domain.rollout.admission import admit_definition, effect_of
from domain.rollout.publishing import choose_host_ports, reserve_host_ports
from domain.rollout.service_queue import enqueue_deployment, find_waiting
from domain.tenancy.tenants import lock_tenant


class DeployRequest(SourceChange, total=False):
    """The body of `deploy_service`: fields for a service of that deploy method."""

    auto_rollback: bool


class ScaleRequest(TypedDict, total=False):
    """The body of `scale_service`; without `component` the one that serves visitors is scaled."""

    component: str
    replicas: int
    cpu_limit: float
    memory_limit_mb: int


class RollbackRequest(TypedDict, total=False):
    """The body of `rollback_service`; without an ID the successful deployment before the live one is taken."""

    deployment_id: str


@revisions.retry_when_changed
def deploy_service(
    ports: Ports, caller: Caller, service_id: str, body: DeployRequest | None = None, *, dry_run: bool = False
) -> Outcome[DeploymentDetail]:
    """Queue a deployment of the service's definition, with the image or the compose text of the body if it has one."""
    now, (before, contents) = ports.clock.now(), _read(ports, caller, service_id)
    access, change = _may_give_host_access(ports, caller, before), cast(DefinitionChange, body or {})
    checked = changed_definition(ports.vault, before, contents, change, host_access=access)

    def deploy(work: Work) -> tuple[DeploymentRow, DryRun]:
        tenant = lock_tenant(work, now, before.customer_id)
        service = _get_unchanged(work, caller, before)
        admitted = admit_definition(work, tenant, service, checked)
        deployment = _queue(work, now, caller, service, admitted.checked, Trigger.DEPLOY)
        change = _change(f"Starts new containers of {service.name} beside the old ones")
        return read_row(work, deployment), effect_of(work, tenant, admitted.growth, change, dry_run=dry_run)

    outcome = perform(ports, deploy, dry_run=dry_run)
    return Outcome(outcome.result.detail(), outcome.dry_run)


@revisions.retry_when_changed
def deploy_pushed(
    ports: Ports, caller: Caller, service_id: str, accept: Callable[[Work, Deployment], None]
) -> Deployment:
    """Queue a deployment of the service's definition as it is, unless one for an earlier push waits already.

    `accept` is called in the same transaction with the deployment that runs the push: what it raises undoes everything.
    """
    now, (before, contents) = ports.clock.now(), _read(ports, caller, service_id)
    access = _may_give_host_access(ports, caller, before)
    checked = changed_definition(ports.vault, before, contents, {}, host_access=access)
    with ports.store.begin() as work:
        tenant = lock_tenant(work, now, before.customer_id)
        service = _get_unchanged(work, caller, before)
        checked = admit_definition(work, tenant, service, checked).checked
        waiting = find_waiting(work, service.id, checked.definition, Trigger.HOOK)
        deployment = waiting or _queue(work, now, caller, service, checked, Trigger.HOOK)
        accept(work, deployment)
    return deployment


@revisions.retry_when_changed
def scale_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: ScaleRequest,
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[Operation]:
    """Change replicas, cpu or memory of one component and queue the deployment that applies it."""
    now, (before, contents) = ports.clock.now(), _read(ports, caller, service_id)
    revisions.match(if_match, before.revision, "service")
    access = _may_give_host_access(ports, caller, before)
    checked = resize(
        check(ports.vault, before.definition, contents, host_access=access), body.get("component"), size_change(body)
    )

    def scale(work: Work) -> tuple[Operation, DryRun]:
        tenant = lock_tenant(work, now, before.customer_id)
        service = _get_unchanged(work, caller, before)
        revisions.match(if_match, service.revision, "service")
        admitted = admit_definition(work, tenant, service, checked)
        deployment = _queue(work, now, caller, service, admitted.checked, Trigger.SCALE)
        operation = get_visible(caller, work.operations, "Operation", deployment.operation_id)
        change = _change(f"Starts new containers of {service.name} in the new size")
        return operation, effect_of(work, tenant, admitted.growth, change, dry_run=dry_run)

    outcome = perform(ports, scale, dry_run=dry_run)
    if outcome.dry_run:  # the deployment does not exist
        return replace(outcome, result=replace(outcome.result, deployment_id=None))
    return outcome


@revisions.retry_when_changed
def rollback_service(
    ports: Ports, caller: Caller, service_id: str, body: RollbackRequest | None = None, *, dry_run: bool = False
) -> Outcome[DeploymentDetail]:
    """Queue a deployment with the definition and the image digests of an earlier one that succeeded.

    The service takes over that definition. Raise Conflict if there is no such deployment to go back to.
    """
    now, deployment_id = ports.clock.now(), body.get("deployment_id") if body else None
    with ports.store.read() as work:
        earlier = _earlier(work, get_changeable_service(caller, work, service_id), deployment_id)
        contents = _kept_contents(work, earlier)
    access = _may_give_host_access(ports, caller, earlier)
    rechecked = check(ports.vault, earlier.definition, contents, host_access=access)
    checked = choose_host_ports(ports, service_id, rechecked)

    def roll_back(work: Work) -> tuple[DeploymentRow, DryRun]:
        tenant = lock_tenant(work, now, earlier.customer_id)
        service = get_changeable_service(caller, work, service_id)
        revisions.require_unchanged(earlier.id, _earlier(work, service, deployment_id).id)
        admitted = admit_definition(work, tenant, service, checked)
        deployment = _queue(work, now, caller, service, admitted.checked, earlier)
        change = _change(f"Rolls {service.name} back to {earlier.id}")
        return read_row(work, deployment), effect_of(work, tenant, admitted.growth, change, dry_run=dry_run)

    outcome = perform(ports, roll_back, dry_run=dry_run)
    return Outcome(outcome.result.detail(), outcome.dry_run)


def _read(ports: Ports, caller: Caller, service_id: str) -> tuple[Service, Contents]:
    with ports.store.read() as work:
        service = get_changeable_service(caller, work, service_id)
        return service, work.files.contents(service_id, digests(service.definition))


def _may_give_host_access(ports: Ports, caller: Caller, owned: Service | Deployment) -> bool:
    return may_give_host_access(ports.settings, caller, owned.customer_id)


def _kept_contents(work: Work, deployment: Deployment) -> Contents:
    """Return the contents of a deployment's files. Raise Conflict if they are no longer stored."""
    wanted = digests(deployment.definition)
    contents = work.files.contents(deployment.service_id, wanted)
    if wanted - contents.keys():
        raise Conflict(
            f"Cannot roll back to {deployment.id}",
            code="nothing_to_roll_back",
            details="Its files are no longer stored. Choose a later deployment, or deploy with the files again.",
        )
    return contents


def _get_unchanged(work: Work, caller: Caller, before: Service) -> Service:
    """Return the service if its definition is the one that was checked."""
    service = get_changeable_service(caller, work, before.id)
    revisions.require_unchanged(before.definition, service.definition)
    return service


def _queue(
    work: Work, now: datetime, caller: Caller, service: Service, checked: CheckedDefinition, cause: Trigger | Deployment
) -> Deployment:
    """Store the service and queue the deployment of its definition; a deployment as `cause` is rolled back to."""
    service.wanted, service.updated_at = ServiceStatus.RUNNING, now
    work.services.save(service)
    store_contents(work, service, checked.contents, now)
    reserve_host_ports(work, service)
    return enqueue_deployment(work, now, caller, service, checked, cause)


def _change(summary: str) -> Change:
    return Change("deploy", "deployment", None, summary)


def _earlier(work: Work, service: Service, deployment_id: str | None) -> Deployment:
    """Return the deployment to roll back to. Raise Conflict or NotFound if there is none."""
    if deployment_id is None:
        earlier = work.deployments.previous_success(service.id, before=service.live_deployment_id)
        if earlier is None or service.live_deployment_id is None:
            raise Conflict(f"{service.name} has no earlier successful deployment", code="nothing_to_roll_back")
        return earlier
    earlier = work.deployments.get(deployment_id)
    if earlier is None or earlier.service_id != service.id:
        raise NotFound("Deployment not found", details=f"{service.name} has no deployment with ID {deployment_id}")
    if earlier.status is not DeploymentStatus.SUCCEEDED or earlier.superseded_by:
        raise Conflict(
            f"Cannot roll back to {earlier.id}",
            code="nothing_to_roll_back",
            details=f"{_why_not(earlier)} Choose a deployment that succeeded.",
        )
    return earlier


def _why_not(deployment: Deployment) -> str:
    if deployment.superseded_by:
        return f"It never ran: {deployment.superseded_by} ran in its place."
    return f"Its status is {deployment.status}."
