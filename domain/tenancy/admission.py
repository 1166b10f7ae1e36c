"""Admission: the one function that judges whether a tenant may have more, by its quotas, features and status."""

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
from domain.tenancy.tenants import Entitlement, Tenant

_NOTHING, _UNLIMITED = Demand(), Quotas()
_FIGURES = ("services", "cpu", "memory_mb", "storage_mb")


@dataclass(frozen=True)
class Request:
    """What is asked for: a service with this demand from now on.

    `is_new`: the service does not exist yet. `runs`: it will run. `feature` is the feature gate that a deployment
    needs; None if nothing is deployed. `only_resizes`: nothing but sizes changes.
    """

    service: Service
    demand: Demand
    is_new: bool = False
    runs: bool = True
    feature: str | None = None
    only_resizes: bool = False


def admit(work: Work, tenant: Tenant, request: Request) -> None:
    """Return if the tenant may have what is asked for.

    A tenant that has more than its plan allows keeps it: what does not grow is not compared with quotas, and sizes can
    always fall. Raise QuotaExceeded for the first quota that is exceeded, Forbidden (`feature_not_in_plan`), or
    Conflict if the customer or a subscription is not active.
    """
    before, after = _before(request), _after(request)
    asked = {figure: round(getattr(after, figure) - getattr(before, figure), 3) for figure in _FIGURES}
    grows = any(amount > 0 for amount in asked.values())
    if not grows and (request.feature is None or request.only_resizes):
        return
    _require_active_customer(tenant)
    for entitlement in tenant.entitlements:
        _require_active_subscription(entitlement)
        _require_feature(entitlement, request.feature)
        if grows and entitlement.plan.quotas != _UNLIMITED:
            _require_quotas(entitlement, tenant.usage(work, entitlement, request.service.id), before, asked)


def _before(request: Request) -> TotalDemand:
    service = request.service
    counted = _NOTHING if request.is_new else service.counted or request.demand
    runs = not request.is_new and not service.is_stopped
    return _total(counted, services=not request.is_new, runs=runs)


def _after(request: Request) -> TotalDemand:
    counted = request.demand.maximum(None if request.is_new else request.service.counted)
    return _total(counted, services=True, runs=request.runs)


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
