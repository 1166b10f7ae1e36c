"""Start, stop and restart the live deployment of a service."""

from datetime import datetime
from typing import Literal, TypedDict

from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.operation import Kind, Operation, Option
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.revisions import retry_when_changed
from domain.resources.visibility import get_changeable_service
from domain.rollout.admission import admit_start, effect_of, growth_of_stop
from domain.rollout.service_queue import enqueue
from domain.tenancy.tenants import Tenant, lock_tenant

_Action = Literal["start", "stop", "restart"]


class StopRequest(TypedDict, total=False):
    """The body of `stop_service`; `grace_seconds` is how long containers get to end by themselves."""

    grace_seconds: int


def start_service(ports: Ports, caller: Caller, service_id: str, *, dry_run: bool = False) -> Outcome[Operation]:
    """Queue the start of the live deployment. The operation succeeds too if it already runs."""
    return _operate(ports, caller, service_id, "start", dry_run=dry_run)


def stop_service(
    ports: Ports, caller: Caller, service_id: str, body: StopRequest | None = None, *, dry_run: bool = False
) -> Outcome[Operation]:
    """Queue the stop of all containers. They are kept, so that the service starts quickly."""
    grace = body.get("grace_seconds") if body else None
    return _operate(ports, caller, service_id, "stop", dry_run=dry_run, grace=grace)


def restart_service(ports: Ports, caller: Caller, service_id: str, *, dry_run: bool = False) -> Outcome[Operation]:
    """Queue a restart of one container after the other."""
    return _operate(ports, caller, service_id, "restart", dry_run=dry_run)


@retry_when_changed
def _operate(
    ports: Ports, caller: Caller, service_id: str, action: _Action, *, dry_run: bool, **options: Option
) -> Outcome[Operation]:
    now, kind = ports.clock.now(), Kind(action)

    def queue(work: Work) -> tuple[Operation, DryRun]:
        tenant = _lock_tenant(work, now, service_id)
        service = get_changeable_service(caller, work, service_id)
        _require_deployed(work, service)
        growth = growth_of_stop(tenant, service) if kind is Kind.STOP else admit_start(work, tenant, service)
        service.wanted = ServiceStatus.RUNNING
        if kind is Kind.STOP:
            service.wanted, service.suspended_at = ServiceStatus.STOPPED, None
        work.services.save(service)
        change = Change(action, "service", service_id, f"{action.capitalize()}s {service.name}")
        effect = effect_of(work, tenant, growth, change, dry_run=dry_run)
        return enqueue(work, now, caller, service, kind, **options), effect

    return perform(ports, queue, dry_run=dry_run)


def _lock_tenant(work: Work, now: datetime, service_id: str) -> Tenant:
    """Lock the tenant of a service before the service itself, as every rule does."""
    service = work.services.get_many([service_id]).get(service_id)
    return lock_tenant(work, now, service.customer_id if service else None)


def _require_deployed(work: Work, service: Service) -> None:
    if service.live_deployment_id is None and not work.operations.unfinished(service.id):
        raise Conflict(
            f"{service.name} has no live deployment",
            code="wrong_state",
            details=f"Deploy it: POST /api/services/{service.id}/deploy",
        )
