"""Services: creating, reading, changing, deleting, checking and exporting them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain import compose, definitions
from domain.catalogue import values
from domain.errors import Conflict, Invalid
from domain.identity.access import Caller, not_found, sees
from domain.model.definition import Definition
from domain.model.deployment import Trigger
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation, OperationStatus
from domain.model.service import DeployMethod, Service, ServiceStatus
from domain.ports import Ports
from domain.ports.store import Page, Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, perform
from domain.resources.queries import query, scoped
from domain.tenancy import quota
from domain.tenancy.quota import QuotaEffect
from domain.work.queue import cancel_queued, enqueue, enqueue_deployment, touch, unfinished


@dataclass(frozen=True)
class ServiceDetail:
    """A service with what belongs to it elsewhere.

    `begun` is the operation that the change just made has queued; `dry_run` says what one that was only tried would do.
    """

    service: Service
    deployment_id: str | None
    operation_id: str | None
    pending_changes: bool
    begun: str | None = None
    dry_run: DryRun | None = None


@dataclass(frozen=True)
class ValidationResult:
    """What the policy says of a compose text."""

    findings: tuple[compose.Finding, ...]
    quota_effect: QuotaEffect | None


@dataclass(frozen=True)
class Export:
    """A service in portable form."""

    service: Service
    exported_at: datetime


def visible(caller: Caller, work: Work, service_id: str) -> Service:
    """The service, or NotFound: another tenant's is absent like one that never was."""
    service = work.services.get(service_id)
    if service is None or not sees(caller, service.customer_id):
        raise not_found("Service", service_id)
    return service


def changeable(caller: Caller, work: Work, service_id: str) -> Service:
    """The service that is to be changed. Raise Conflict when it is being deleted."""
    service = visible(caller, work, service_id)
    if any(operation.kind is Kind.DELETE for operation in work.operations.unfinished(service.id)):
        raise Conflict("The service is being deleted", code="wrong_state")
    return service


def detail(work: Work, service: Service) -> ServiceDetail:
    """The service with its newest deployment, the work that goes on now, and whether its definition is live."""
    newest, live_id = work.deployments.newest(service.id), service.live_deployment_id
    going_on = work.operations.unfinished(service.id)
    live = newest if newest and newest.id == live_id else work.deployments.get(live_id) if live_id else None
    return ServiceDetail(
        service,
        deployment_id=newest.id if newest else None,
        operation_id=going_on[0].id if going_on else None,
        pending_changes=live is None or live.definition != service.definition,
    )


def list_services(ports: Ports, caller: Caller, *, customer_id: str | None = None, **wanted: Any) -> Page[Service]:  # noqa: ANN401
    """A page of the services that exist for the caller."""
    filters = {name: wanted.pop(name, None) for name in ("status", "template", "deploy_method")}
    with ports.store.read() as work:
        return work.services.page(query(filters=scoped(caller, filters, customer_id), **wanted))


def get_service(ports: Ports, caller: Caller, service_id: str) -> ServiceDetail:
    """The whole service."""
    with ports.store.read() as work:
        return detail(work, visible(caller, work, service_id))


def export_service(ports: Ports, caller: Caller, service_id: str) -> Export:
    """The definition in portable form."""
    with ports.store.read() as work:
        service = visible(caller, work, service_id)
    return Export(service, exported_at=service.updated_at)


def validate_service(ports: Ports, caller: Caller, body: Mapping[str, Any]) -> ValidationResult:  # noqa: ARG001
    """All findings of the policy at once, and the quota effect of a text without any."""
    checked = compose.check(body["compose"], body.get("variables", {}))
    return ValidationResult(checked.findings, quota.quota_effect(checked.project) if checked.project else None)


def create_service(
    ports: Ports, caller: Caller, body: Mapping[str, Any], *, dry_run: bool = False
) -> ServiceDetail | DryRun:
    """Check the definition, store the service as `deploying` and queue its first deployment."""
    service = _new_service(ports, caller, body)
    changes = (
        Change("create", "service", None, f"Creates {service.name}"),
        Change("deploy", "deployment", None, f"Starts the containers of {service.name}"),
    )

    def act(work: Work) -> tuple[ServiceDetail, tuple[Change, ...]]:
        work.services.add(service)
        begun = enqueue_deployment(work, service.created_at, caller, service, Trigger.CREATE)
        return replace(detail(work, service), begun=begun.operation_id), changes

    return perform(ports, act, dry_run=dry_run)


def _new_service(ports: Ports, caller: Caller, body: Mapping[str, Any]) -> Service:
    now = ports.clock.now()
    definition = _resized(ports, _defined(ports, body), body)
    service = Service(
        id=new_id("svc"),
        name=body["name"],
        deploy_method=DeployMethod(body["deploy_method"]),
        definition=definition,
        created_at=now,
        updated_at=now,
        customer_id=_owner(caller, body.get("customer_id")),
        template=body.get("template"),
        labels=body.get("labels", {}),
    )
    definitions.adopt(ports.vault, service, definition)
    return service


def _resized(ports: Ports, definition: Definition, body: Mapping[str, Any]) -> Definition:
    if "resources" not in body:
        return definition
    names = {"cpu_limit": "cpu", "memory_limit_mb": "memory_mb"}
    size = {names[name]: value for name, value in body["resources"].items()}
    return definitions.resized(definition, definitions.project(ports.vault, definition), None, size)


def _owner(caller: Caller, asked: str | None) -> str | None:
    if caller.customer_id is not None and asked not in (None, caller.customer_id):
        raise Invalid({"customer_id": "is not yours"})
    return caller.customer_id or asked


def _defined(ports: Ports, body: Mapping[str, Any]) -> Definition:
    if body["deploy_method"] == DeployMethod.TEMPLATE:
        found = values.definition(ports.vault, body["template"], body.get("variables", {}))
        base = replace(found, variables=definitions.by_name(found.variables))
    else:
        base = Definition(
            compose=body.get("compose") or compose.for_image(body["image"], body.get("port"), body.get("command")),
            variables=definitions.variables(ports.vault, body.get("variables", {}), body.get("secrets", {})),
        )
    return replace(
        base,
        port=body.get("port", base.port),
        health_check=definitions.health_check(body, base.health_check),
        timeout=body.get("deploy_timeout", base.timeout),
    )


def update_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: Mapping[str, Any],
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> ServiceDetail:
    """Apply a merge patch; deploy at once when what runs is to change, unless the service is stopped."""
    now = ports.clock.now()
    with ports.store.begin(dry_run=dry_run) as work:
        service = changeable(caller, work, service_id)
        revisions.match(if_match, service.revision, "service")
        before, changed = service.definition, _changed(ports, service, body)
        restarts = changed != before and service.wanted is ServiceStatus.RUNNING
        definitions.adopt(ports.vault, service, changed)
        service.name, service.labels, service.updated_at = body.get("name", service.name), _labels(service, body), now
        work.services.save(service)
        if dry_run:
            service.revision -= 1  # it will not have been saved: the tag to match is still the old one
            return replace(detail(work, service), dry_run=_tried(service, restarts=restarts))
        begun = enqueue_deployment(work, now, caller, service, Trigger.UPDATE).operation_id if restarts else None
        return replace(detail(work, service), begun=begun)


def _changed(ports: Ports, service: Service, body: Mapping[str, Any]) -> Definition:
    base = definitions.sourced(ports.vault, service, body)
    timeout, check = body.get("deploy_timeout", base.timeout), definitions.health_check(body, base.health_check)
    return _resized(ports, replace(base, timeout=timeout, health_check=check), body)


def _labels(service: Service, body: Mapping[str, Any]) -> dict[str, str]:
    merged = {**service.labels, **body.get("labels", {})}
    return {name: value for name, value in merged.items() if value is not None}


def _tried(service: Service, *, restarts: bool) -> DryRun:
    if restarts:
        return DryRun((_deploys(service),))
    return DryRun((Change("update", "service", service.id, f"Changes {service.name}; nothing restarts"),))


def _deploys(service: Service) -> Change:
    return Change("deploy", "deployment", None, f"Starts new containers of {service.name} beside the old ones")


def delete_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    *,
    volumes: str = "keep",
    if_match: str | None = None,
    dry_run: bool = False,
) -> Operation | DryRun:
    """End all other work on the service and queue its deletion; asking for it again answers the same operation."""
    data = "with its data" if volumes == "delete" else "and keeps its data at the engine"

    def act(work: Work) -> tuple[Operation, tuple[Change, ...]]:
        service = visible(caller, work, service_id)
        revisions.match(if_match, service.revision, "service")
        change = Change("delete", "service", service_id, f"Removes all containers of {service.name} {data}")
        return _deletion(work, ports.clock.now(), caller, service, volumes), (change,)

    return perform(ports, act, dry_run=dry_run)


def _deletion(work: Work, now: datetime, caller: Caller, service: Service, volumes: str) -> Operation:
    for operation in unfinished(work, service.id):
        if operation.kind is Kind.DELETE:
            if volumes in ("keep", operation.options["volumes"]):
                return operation
        elif operation.status is OperationStatus.QUEUED:
            cancel_queued(work, operation, now)
        else:
            operation.cancel_requested = True
            work.operations.save(operation)
    touch(work, service.id)
    return enqueue(work, now, caller, service, Kind.DELETE, volumes=volumes)
