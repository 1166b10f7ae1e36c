"""Tenants: a customer with the subscriptions whose limits apply to it, locked while a transaction changes it."""

from dataclasses import dataclass
from datetime import datetime

from domain.model.customer import Customer, TenantStatus
from domain.model.organization import Organization
from domain.model.plan import DefaultSize, Plan
from domain.model.subscription import Subscription, SubscriptionStatus
from domain.model.traffic import month_of
from domain.ports.repositories.services import TotalDemand
from domain.ports.store import Work
from domain.resources.revisions import require_unchanged

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Entitlement:
    """A plan whose limits apply to a tenant: of the customer itself, or of its organization."""

    plan: Plan
    status: SubscriptionStatus
    organization: Organization | None = None


@dataclass(frozen=True)
class Tenant:
    """A customer and the plans that limit it. Without a customer, or without plans, there are no limits.

    `month` is the current one in UTC, such as `2026-03`.
    """

    customer: Customer | None = None
    entitlements: tuple[Entitlement, ...] = ()
    month: str = ""

    @property
    def default_size(self) -> DefaultSize | None:
        """The limits of containers that set none; None if no plan applies."""
        return next((entitlement.plan.default_size for entitlement in self.entitlements), None)

    def usage(self, work: Work, entitlement: Entitlement, other_than: str) -> TotalDemand:
        """Return what counts against an entitlement's quotas, except one service."""
        if entitlement.organization:
            return work.services.demand_of_organization(entitlement.organization.id, other_than)
        return work.services.demand_of_customer(self.customer.id if self.customer else "", other_than)

    def traffic_mb(self, work: Work, entitlement: Entitlement) -> int:
        """Return the traffic of this month that counts against an entitlement's quotas, in whole MiB."""
        if entitlement.organization:
            total = work.traffic.of_organization(entitlement.organization.id, self.month)
        else:
            total = work.traffic.of_customer(self.customer.id if self.customer else "", self.month)
        return total // _MEBIBYTE


def lock_tenant(work: Work, now: datetime, customer_id: str | None) -> Tenant:
    """Return a tenant, locked so that one transaction at a time changes what it has.

    Call it before any other lock of the transaction, so that transactions do not wait for each other in a circle: the
    organization first, then the customer, then its services. Raise ChangedMeanwhileError if the customer moves to
    another organization meanwhile.
    """
    before = work.customers.get_many([customer_id]).get(customer_id) if customer_id else None
    if before is None:
        return Tenant()
    organization = work.organizations.get(before.organization_id) if before.organization_id else None
    customer = work.customers.get(before.id)
    require_unchanged(before.organization_id, customer.organization_id if customer else None)
    if customer is None:
        return Tenant()
    own = _entitlement(work, now, work.subscriptions.current_of_customer(customer.id), None)
    shared = None
    if organization:
        current = work.subscriptions.current_of_organization(organization.id)
        shared = _entitlement(work, now, current, organization)
    return Tenant(customer, tuple(entitlement for entitlement in (own, shared) if entitlement), month_of(now))


def _entitlement(
    work: Work, now: datetime, subscription: Subscription | None, organization: Organization | None
) -> Entitlement | None:
    if subscription is None:
        return None
    plan = work.plans.get_many([subscription.plan_id])[subscription.plan_id]
    status = subscription.status_at(now)
    if organization and organization.status is TenantStatus.SUSPENDED:
        status = SubscriptionStatus.SUSPENDED
    return Entitlement(plan, status, organization)
