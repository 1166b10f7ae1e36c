"""Update a service with a merge patch."""

from domain.definitions.changes import DefinitionChange, changed_definition
from domain.definitions.files import Contents, digests, store_contents
from domain.definitions.host_access import may_give_host_access
from domain.errors import Invalid
from domain.identity.access import Caller
from domain.model.deployment import Trigger
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.visibility import get_changeable_service
from domain.rollout.admission import admit_definition, effect_of
from domain.rollout.publishing import choose_host_ports, reserve_host_ports
from domain.rollout.service_queue import enqueue_deployment
from domain.services.read import ServiceDetail, get_detail
from domain.tenancy.tenants import lock_tenant

MOST_LABELS = 64


class ServiceUpdate(DefinitionChange, total=False):
    """The body of `update_service`."""

    name: str
    labels: dict[str, str | None]


@revisions.retry_when_changed
def update_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: ServiceUpdate,
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[ServiceDetail]:
    """Apply a merge patch. A change of the definition is deployed at once, unless the service is stopped.

    A dry run returns the service as it would be, with the ETag that the change must match.
    """
    now, (before, contents) = ports.clock.now(), _read(ports, caller, service_id, if_match)
    access = may_give_host_access(ports.settings, caller, before.customer_id)
    changed = changed_definition(ports.vault, before, contents, body, host_access=access)
    checked = choose_host_ports(ports, service_id, changed)

    def update(work: Work) -> tuple[ServiceDetail, DryRun]:
        tenant = lock_tenant(work, now, before.customer_id)
        service = get_changeable_service(caller, work, service_id)
        revisions.match(if_match, service.revision, "service")
        revisions.require_unchanged(before.definition, service.definition)
        restarts = checked.definition != before.definition and service.wanted is ServiceStatus.RUNNING
        admitted = admit_definition(work, tenant, service, checked, deploys=restarts)
        service.name, service.labels, service.updated_at = body.get("name", service.name), _labels(service, body), now
        work.services.save(service)
        store_contents(work, service, admitted.checked.contents, now)
        reserve_host_ports(work, service)
        deploys = restarts and not dry_run  # a dry run shows no deployment that will never exist
        queued = enqueue_deployment(work, now, caller, service, admitted.checked, Trigger.UPDATE) if deploys else None
        detail = get_detail(work, service, queued.operation_id if queued else None)
        return detail, effect_of(work, tenant, admitted.growth, _change(service, restarts=restarts), dry_run=dry_run)

    outcome = perform(ports, update, dry_run=dry_run)
    if outcome.dry_run:
        outcome.result.service.revision -= 1  # the save was rolled back: If-Match takes the revision before it
    return outcome


def _read(ports: Ports, caller: Caller, service_id: str, if_match: str | None) -> tuple[Service, Contents]:
    with ports.store.read() as work:
        service = get_changeable_service(caller, work, service_id)
        contents = work.files.contents(service_id, digests(service.definition))
    revisions.match(if_match, service.revision, "service")
    return service, contents


def _labels(service: Service, body: ServiceUpdate) -> dict[str, str]:
    merged = {**service.labels, **body.get("labels", {})}
    labels = {name: value for name, value in merged.items() if value is not None}
    if len(labels) > MOST_LABELS:
        raise Invalid({"labels": f"The service would have {len(labels)} labels; at most {MOST_LABELS} are possible"})
    return labels


def _change(service: Service, *, restarts: bool) -> Change:
    if restarts:
        return Change("deploy", "deployment", None, f"Starts new containers of {service.name} beside the old ones")
    return Change("update", "service", service.id, f"Changes {service.name} without restarting containers")
