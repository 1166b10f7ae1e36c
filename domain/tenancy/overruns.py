"""Overruns: which tenants would have more than the quotas of a plan allow."""

from domain.model.plan import Plan, PlanKind
from domain.model.subscription import Subscription
from domain.ports.repositories.services import TotalDemand
from domain.ports.store import Work
from domain.resources.dry_run import Overrun

_MOST = 100
_FIGURES = ("services", "cpu", "memory_mb", "storage_mb")


def overruns_of_plan(work: Work, plan: Plan) -> tuple[Overrun, ...]:
    """Return what the subscribers of a plan have more than its quotas allow: at most the first hundred."""
    current = (
        work.subscriptions.current_of_customer
        if plan.kind is PlanKind.CUSTOMER
        else work.subscriptions.current_of_organization
    )
    demands = work.services.demand_above(plan, _MOST)
    subscribed = {owner: subscription for owner in demands if (subscription := current(owner))}
    exceeded = [
        overrun
        for owner, subscription in subscribed.items()
        if subscription.plan_id == plan.id
        for overrun in _overruns(subscription, plan, demands[owner])
    ]
    return tuple(exceeded[:_MOST])


def overruns_of_subscription(work: Work, subscription: Subscription, plan: Plan) -> tuple[Overrun, ...]:
    """Return what the owner of a subscription has more than the quotas of a plan allow."""
    if subscription.customer_id:
        demand = work.services.demand_of_customer(subscription.customer_id, "")
    else:
        demand = work.services.demand_of_organization(subscription.organization_id or "", "")
    return tuple(_overruns(subscription, plan, demand))


def _overruns(subscription: Subscription, plan: Plan, demand: TotalDemand) -> list[Overrun]:
    return [
        Overrun(figure, limit, used, subscription.customer_id, subscription.organization_id)
        for figure in _FIGURES
        for limit, used in [(getattr(plan.quotas, figure), getattr(demand, figure))]
        if limit is not None and used > limit + 1e-6
    ]
