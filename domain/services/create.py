"""Create a service: check its definition, store it and queue its first deployment."""

from dataclasses import replace
from typing import NotRequired

from domain.definitions.changes import NewDefinition, new_definition
from domain.definitions.checked import CheckedDefinition
from domain.definitions.files import store_contents
from domain.definitions.host_access import may_give_host_access
from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.deployment import Trigger
from domain.model.identifiers import new_id
from domain.model.service import AnonymousVolumes, DeployMethod, Service
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.visibility import choose_owner
from domain.rollout.admission import admit_definition, effect_of
from domain.rollout.publishing import choose_host_ports, reserve_host_ports
from domain.rollout.service_queue import enqueue_deployment
from domain.services.read import ServiceDetail, get_detail
from domain.services.subdomains import choose_subdomain
from domain.tenancy.tenants import lock_tenant


class ServiceCreate(NewDefinition):
    """The body of `create_service`."""

    name: str
    customer_id: NotRequired[str | None]
    labels: NotRequired[dict[str, str]]


@revisions.retry_when_changed
def create_service(
    ports: Ports, caller: Caller, body: ServiceCreate, *, dry_run: bool = False
) -> Outcome[ServiceDetail]:
    """Create a service in the status `deploying` and queue its first deployment.

    Raise Invalid if the definition is not accepted, and Conflict if the customer has a service of this name.
    """
    access = may_give_host_access(ports.settings, caller, choose_owner(caller, body.get("customer_id")))
    checked = choose_host_ports(ports, None, new_definition(ports, body, host_access=access))
    service = _new_service(ports, caller, body, checked)
    changes = (
        Change("create", "service", None, f"Creates {service.name}"),
        Change("deploy", "deployment", None, f"Starts the containers of {service.name}"),
    )

    def create(work: Work) -> tuple[ServiceDetail, DryRun]:
        now = service.created_at
        tenant = lock_tenant(work, now, service.customer_id)
        service.subdomain = choose_subdomain(work, ports.settings, service)
        admitted = admit_definition(work, tenant, service, checked, is_new=True)
        work.services.add(service)
        store_contents(work, service, admitted.checked.contents, now)
        reserve_host_ports(work, service)
        deployment = enqueue_deployment(work, now, caller, service, admitted.checked, Trigger.CREATE)
        effect = effect_of(work, tenant, admitted.growth, *changes, dry_run=dry_run)
        return get_detail(work, service, deployment.operation_id), effect

    try:
        outcome = perform(ports, create, dry_run=dry_run)
    except Conflict as conflict:
        if conflict.code != "conflict":
            raise
        outcome = perform(ports, create, dry_run=dry_run)  # another request took the subdomain in the same moment
    if outcome.dry_run:  # the deployment and its operation do not exist
        return replace(outcome, result=replace(outcome.result, deployment_id=None, operation_id=None))
    return outcome


def _new_service(ports: Ports, caller: Caller, body: ServiceCreate, checked: CheckedDefinition) -> Service:
    now = ports.clock.now()
    return Service(
        id=new_id("svc"),
        name=body["name"],
        deploy_method=DeployMethod(body["deploy_method"]),
        definition=checked.definition,
        created_at=now,
        updated_at=now,
        customer_id=choose_owner(caller, body.get("customer_id")),
        template=body.get("template"),
        labels=body.get("labels", {}),
        anonymous_volumes=AnonymousVolumes(),
    )
