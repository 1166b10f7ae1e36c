"""What a customer uses of its plan."""

from dataclasses import dataclass

from domain.customers.reading import get_existing
from domain.identity.access import Caller
from domain.model.plan import Quotas
from domain.model.traffic import month_of
from domain.ports import Ports

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class QuotaUsage:
    """What is used of a quota. A limit of None means unlimited; `percent` is None then."""

    used: float
    limit: float | None

    @property
    def percent(self) -> float | None:
        """Return how much of the limit is used, which can be more than 100. A limit of 0 is used up."""
        if self.limit is None:
            return None
        return round(100 * self.used / self.limit, 1) if self.limit else 100.0


@dataclass(frozen=True)
class CustomerUsage:
    """What a customer uses: its services count as for quotas, the traffic is that of `month` in UTC."""

    customer_id: str
    plan_id: str | None
    month: str
    services: QuotaUsage
    cpu: QuotaUsage
    memory_mb: QuotaUsage
    storage_mb: QuotaUsage
    bandwidth_mb_per_month: QuotaUsage


def get_customer_usage(ports: Ports, _caller: Caller, customer_id: str) -> CustomerUsage:
    """Return what a customer uses of its own plan. Without a plan there are no limits."""
    month = month_of(ports.clock.now())
    with ports.store.read() as work:
        get_existing(work, customer_id)
        demand = work.services.demand_of_customer(customer_id, "")
        traffic = work.traffic.of_customer(customer_id, month)
        subscription = work.subscriptions.current_of_customer(customer_id)
        plan = work.plans.get(subscription.plan_id) if subscription else None
    quotas = plan.quotas if plan else Quotas()
    return CustomerUsage(
        customer_id=customer_id,
        plan_id=plan.id if plan else None,
        month=month,
        services=QuotaUsage(demand.services, quotas.services),
        cpu=QuotaUsage(demand.cpu, quotas.cpu),
        memory_mb=QuotaUsage(demand.memory_mb, quotas.memory_mb),
        storage_mb=QuotaUsage(demand.storage_mb, quotas.storage_mb),
        bandwidth_mb_per_month=QuotaUsage(round(traffic / _MEBIBYTE, 1), quotas.bandwidth_mb_per_month),
    )
