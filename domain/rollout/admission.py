"""Give a service a new definition or start it, if its tenant's plan allows that.

No other code sets the definition of a service, so that no path around the quotas exists.
"""

from dataclasses import replace

from domain.definitions.checked import CheckedDefinition, set_definition, with_default_size
from domain.model.definition import Definition, Size
from domain.model.plan import DefaultSize
from domain.model.service import DeployMethod, Service
from domain.ports.store import Work
from domain.tenancy.admission import Request, admit
from domain.tenancy.quota import project_demand
from domain.tenancy.tenants import Tenant

_FEATURES = {
    DeployMethod.TEMPLATE: "template_deploy",
    DeployMethod.COMPOSE: "compose_deploy",
    DeployMethod.IMAGE: "compose_deploy",
}


def admit_definition(
    work: Work,
    tenant: Tenant,
    service: Service,
    checked: CheckedDefinition,
    *,
    deploys: bool = True,
    is_new: bool = False,
) -> CheckedDefinition:
    """Make a checked definition the service's own, and return it with the plan's limits for containers without any.

    `deploys`: it is deployed, which also starts a stopped service. Raise as `tenancy.admission.admit` does.
    """
    size = tenant.default_size
    only_resizes = not is_new and _only_resizes(service.definition, checked.definition)
    if deploys and size is not None:
        checked = with_default_size(checked, Size(cpu=size.cpu, memory_mb=size.memory_mb))
    demand = project_demand(checked.project, size or DefaultSize())
    request = Request(
        service,
        demand,
        is_new=is_new,
        runs=deploys or not service.is_stopped,
        feature=_FEATURES[service.deploy_method] if deploys else None,
        only_resizes=only_resizes,
    )
    admit(work, tenant, request)
    service.demand, service.counted = demand, demand.maximum(None if is_new else service.counted)
    set_definition(service, checked)
    return checked


def admit_start(work: Work, tenant: Tenant, service: Service) -> None:
    """Return if a stopped service may be started. Raise as `tenancy.admission.admit` does."""
    size = tenant.default_size or DefaultSize()
    demand = service.counted or project_demand(None, size)
    admit(work, tenant, Request(service, demand))


def _only_resizes(before: Definition, after: Definition) -> bool:
    """Return whether the sizes differ, and nothing else."""
    return before != after and replace(before, sizes={}, default_size=None) == replace(
        after, sizes={}, default_size=None
    )
