"""Give a service a new definition or start it, if its tenant's plan allows that.

No other code sets the definition of a service, so that no path around the quotas exists.
"""

from dataclasses import dataclass, replace

from domain.definitions.checked import CheckedDefinition, set_definition, with_default_size
from domain.model.definition import Definition, Size
from domain.model.plan import DefaultSize
from domain.model.service import DeployMethod, Service
from domain.ports.store import Work
from domain.resources.dry_run import Change, DryRun
from domain.tenancy.admission import Growth, growth_of, quota_uses, require_within_plan
from domain.tenancy.quota import project_demand
from domain.tenancy.tenants import Tenant

_FEATURES = {
    DeployMethod.TEMPLATE: "template_deploy",
    DeployMethod.COMPOSE: "compose_deploy",
    DeployMethod.IMAGE: "compose_deploy",
    DeployMethod.GIT: "git_deploy",
}


@dataclass(frozen=True)
class Admitted:
    """A checked definition with the plan's limits for containers without any, and how the service grows by it."""

    checked: CheckedDefinition
    growth: Growth


def admit_definition(
    work: Work,
    tenant: Tenant,
    service: Service,
    checked: CheckedDefinition,
    *,
    deploys: bool = True,
    is_new: bool = False,
) -> Admitted:
    """Make a checked definition the service's own, with the plan's limits for containers without any, and return it.

    `deploys`: it is deployed, which also starts a stopped service. Raise as
    `tenancy.admission.require_within_plan` does.
    """
    size = tenant.default_size
    only_resizes = not is_new and _only_resizes(service.definition, checked.definition)
    if deploys and size is not None:
        checked = with_default_size(checked, Size(cpu=size.cpu, memory_mb=size.memory_mb))
    demand = project_demand(checked.project, size or DefaultSize())
    growth = growth_of(service, demand, is_new=is_new, runs=deploys or not service.is_stopped)
    feature = _FEATURES[service.deploy_method] if deploys else None
    require_within_plan(work, tenant, growth, feature=feature, only_resizes=only_resizes)
    service.demand, service.counted = demand, demand.maximum(None if is_new else service.counted)
    set_definition(service, checked)
    return Admitted(checked, growth)


def admit_start(work: Work, tenant: Tenant, service: Service) -> Growth:
    """Return how a tenant grows if a service is started. Raise as `tenancy.admission.require_within_plan` does."""
    growth = _growth_of_running(tenant, service, runs=True)
    require_within_plan(work, tenant, growth)
    return growth


def growth_of_stop(tenant: Tenant, service: Service) -> Growth:
    """Return what a tenant gets free if a service is stopped."""
    return _growth_of_running(tenant, service, runs=False)


def effect_of(work: Work, tenant: Tenant, growth: Growth, *changes: Change, dry_run: bool) -> DryRun:
    """Return the effect of a request; its effect on quotas, which costs a query, only for a dry run."""
    return DryRun(changes, quota_uses(work, tenant, growth) if dry_run else ())


def _growth_of_running(tenant: Tenant, service: Service, *, runs: bool) -> Growth:
    demand = service.counted or project_demand(None, tenant.default_size or DefaultSize())
    return growth_of(service, demand, runs=runs)


def _only_resizes(before: Definition, after: Definition) -> bool:
    """Return whether the sizes differ, and nothing else."""
    return before != after and replace(before, sizes={}, default_size=None) == replace(
        after, sizes={}, default_size=None
    )
