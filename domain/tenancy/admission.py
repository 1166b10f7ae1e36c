"""Admission: the one function that judges whether a tenant may have more, by its quotas, features and status."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import Conflict, Forbidden, QuotaExceeded
from domain.model.customer import TenantStatus
from domain.model.demand import Demand
from domain.model.plan import Quotas
from domain.model.service import Service
from domain.model.subscription import SubscriptionStatus
from domain.ports.repositories.services import TotalDemand
from domain.ports.store import Work
from domain.resources.dry_run import QuotaUse
from domain.tenancy.tenants import Entitlement, Tenant

_NOTHING, _UNLIMITED = Demand(), Quotas()
_FIGURES = ("services", "cpu", "memory_mb", "storage_mb")


@dataclass(frozen=True)
class Growth:
    """What a service counts for before a request and after it. `service_id` leaves its row out of the tenant's sum."""

    service_id: str
    before: TotalDemand
    after: TotalDemand

    @property
    def asked(self) -> dict[str, float]:
        """What is asked for in addition, by quota; negative if something is freed."""
        return {figure: round(getattr(self.after, figure) - getattr(self.before, figure), 3) for figure in _FIGURES}


def growth_of(service: Service, demand: Demand, *, is_new: bool = False, runs: bool = True) -> Growth:
    """Return how a service grows if it has this demand. `runs`: it will run; stopped, it needs neither CPU nor memory.

    The largest of what it has had since its last deployment ended counts.
    """
    counted = None if is_new else service.counted
    was_running = not is_new and not service.is_stopped
    before = _total(_NOTHING if is_new else counted or demand, services=not is_new, runs=was_running)
    return Growth(service.id, before, _total(demand.maximum(counted), services=True, runs=runs))


def growth_of_new(demand: Demand) -> Growth:
    """Return how a tenant grows by a service that does not exist yet."""
    return Growth("", _total(_NOTHING, services=False, runs=False), _total(demand, services=True, runs=True))


def require_within_plan(
    work: Work, tenant: Tenant, growth: Growth, *, feature: str | None = None, only_resizes: bool = False
) -> None:
    """Return if the tenant may have what is asked for.

    `feature` is the feature gate that a deployment needs; None if nothing is deployed. `only_resizes`: nothing but
    sizes changes.
    A tenant that has more than its plan allows keeps it: what does not grow is not compared with quotas, and sizes can
    always fall. Raise QuotaExceeded for the first quota that is exceeded, Forbidden (`feature_not_in_plan`), or
    Conflict if the customer or a subscription is not active.
    """
    asked = growth.asked
    grows = any(amount > 0 for amount in asked.values())
    if not grows and (feature is None or only_resizes):
        return
    _require_active_customer(tenant)
    for entitlement in tenant.entitlements:
        _require_active_subscription(entitlement)
        _require_feature(entitlement, feature)
        if grows and entitlement.plan.quotas != _UNLIMITED:
            _require_quotas(entitlement, tenant.usage(work, entitlement, growth.service_id), growth.before, asked)
            _require_bandwidth(work, tenant, entitlement)


def require_feature(tenant: Tenant, feature: str) -> None:
    """Return if the tenant may use a feature that has no quota.

    Raise Forbidden (`feature_not_in_plan`), or Conflict if the customer or a subscription is not active.
    """
    _require_active_customer(tenant)
    for entitlement in tenant.entitlements:
        _require_active_subscription(entitlement)
        _require_feature(entitlement, feature)


def quota_uses(work: Work, tenant: Tenant, growth: Growth) -> tuple[QuotaUse, ...]:
    """Return what the tenant uses of each quota and what is asked for in addition; nothing if no plan applies.

    If the customer's plan and its organization's both limit it, the one with less left counts.
    """
    uses = [
        QuotaUse(
            figure,
            limit=getattr(entitlement.plan.quotas, figure),
            used=round(getattr(others, figure) + getattr(growth.before, figure), 3),
            asked=growth.asked[figure],
        )
        for entitlement in tenant.entitlements
        for others in [tenant.usage(work, entitlement, growth.service_id)]
        for figure in _FIGURES
    ]
    return tuple(min((use for use in uses if use.quota == figure), key=_left) for figure in _FIGURES if uses)


def _left(use: QuotaUse) -> float:
    return math.inf if use.limit is None else use.limit - use.used


def _total(demand: Demand, *, services: bool, runs: bool) -> TotalDemand:
    return TotalDemand(int(services), demand.cpu if runs else 0.0, demand.memory_mb if runs else 0, demand.storage_mb)


def _require_active_customer(tenant: Tenant) -> None:
    if tenant.customer and tenant.customer.status is TenantStatus.SUSPENDED:
        raise Conflict(
            f"The customer {tenant.customer.name} is suspended",
            code="customer_suspended",
            details="Services can be read, stopped and deleted. Reactivate the customer first.",
        )


def _require_active_subscription(entitlement: Entitlement) -> None:
    details = "Services can be stopped, shrunk and deleted. Nothing can be created, deployed, started or enlarged."
    if entitlement.status is SubscriptionStatus.EXPIRED:
        message = f"The subscription to {entitlement.plan.name} has expired"
        raise Conflict(message, code="subscription_expired", details=details)
    if entitlement.status is SubscriptionStatus.SUSPENDED:
        message = f"The subscription to {entitlement.plan.name} is suspended"
        raise Conflict(message, code="subscription_suspended", details=details)


def _require_feature(entitlement: Entitlement, feature: str | None) -> None:
    if feature is not None and not getattr(entitlement.plan.features, feature):
        raise Forbidden(
            f"The plan {entitlement.plan.name} does not include {feature}",
            code="feature_not_in_plan",
            details="Ask for a plan that includes it. GET /api/plans lists them.",
        )


def _require_quotas(
    entitlement: Entitlement, others: TotalDemand, before: TotalDemand, asked: Mapping[str, float]
) -> None:
    for figure, amount in asked.items():
        limit = getattr(entitlement.plan.quotas, figure)
        used = round(getattr(others, figure) + getattr(before, figure), 3)
        if limit is not None and amount > 0 and used + amount > limit + 1e-6:
            raise QuotaExceeded(
                f"The plan {entitlement.plan.name} allows {limit:g} {figure}: {used:g} are used, {amount:g} more asked",
                quota=figure,
                limit=limit,
                used=used,
                asked=amount,
            )


def _require_bandwidth(work: Work, tenant: Tenant, entitlement: Entitlement) -> None:
    """Raise QuotaExceeded if this month's traffic is used up: what runs goes on, and nothing grows."""
    limit = entitlement.plan.quotas.bandwidth_mb_per_month
    used = tenant.traffic_mb(work, entitlement) if limit is not None else 0
    if limit is not None and used >= limit:
        raise QuotaExceeded(
            f"The plan {entitlement.plan.name} allows {limit} MiB of traffic a month, and {used} MiB are used",
            quota="bandwidth_mb_per_month",
            limit=limit,
            used=used,
            asked=0,
        )
