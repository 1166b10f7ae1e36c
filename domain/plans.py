"""Plans: list, create, read, update and delete them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from domain.errors import Conflict
from domain.identity.access import Caller, not_found
from domain.model.identifiers import new_id
from domain.model.plan import DefaultSize, Features, Plan, PlanKind, Quotas
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.queries import query
from domain.tenancy.overruns import overruns_of_plan

_NESTED = {"quotas": Quotas, "features": Features, "default_size": DefaultSize}


class ListPlansParameters(TypedDict, total=False):
    """The query parameters of `list_plans`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["sort_order", "name", "created_at"]
    search: str
    kind: PlanKind


class QuotaLimits(TypedDict, total=False):
    """Quotas as a request has them: None means unlimited, absent ones stay."""

    services: int | None
    cpu: float | None
    memory_mb: int | None
    storage_mb: int | None
    bandwidth_mb_per_month: int | None


class FeatureGates(TypedDict, total=False):
    """Feature gates as a request has them: absent ones stay."""

    template_deploy: bool
    git_deploy: bool
    ai_deploy: bool
    compose_deploy: bool
    custom_domains: bool
    backup: bool
    notifications: bool
    api_access: bool


class DefaultSizeValues(TypedDict, total=False):
    """Default limits as a request has them: absent ones stay."""

    cpu: float
    memory_mb: int
    volume_mb: int


class PlanUpdate(TypedDict, total=False):
    """The body of `update_plan`."""

    name: str
    description: str
    quotas: QuotaLimits
    features: FeatureGates
    default_size: DefaultSizeValues
    sort_order: int


class PlanCreate(TypedDict):
    """The body of `create_plan`."""

    name: str
    kind: PlanKind
    description: NotRequired[str]
    quotas: NotRequired[QuotaLimits]
    features: NotRequired[FeatureGates]
    default_size: NotRequired[DefaultSizeValues]
    sort_order: NotRequired[int]


@dataclass(frozen=True)
class PlanDetail:
    """A plan, and how many subscriptions to it have not expired; None if the caller may not know."""

    plan: Plan
    subscribers: int | None

    @property
    def revision(self) -> int:
        """Return the revision of the plan."""
        return self.plan.revision


def list_plans(ports: Ports, caller: Caller, **parameters: Unpack[ListPlansParameters]) -> Page[PlanDetail]:
    """Return a page of all plans. They belong to no customer, so everybody sees the same."""
    values: dict[str, Any] = {"sort": "sort_order", "order": "asc", **parameters}
    filters = {"kind": values.pop("kind", None)}
    with ports.store.read() as work:
        page = work.plans.page(query(**values, filters=filters))
        subscribers = work.subscriptions.count_by_plan([plan.id for plan in page.items])
    details = [_detail(caller, plan, subscribers.get(plan.id, 0)) for plan in page.items]
    return Page(details, page.total, page.page, page.per_page)


def create_plan(ports: Ports, caller: Caller, body: PlanCreate) -> PlanDetail:
    """Create a plan. Raise Conflict if another has its name."""
    now = ports.clock.now()
    plan = Plan(new_id("plan"), body["name"], PlanKind(body["kind"]), created_at=now, updated_at=now)
    plan = _with_changes(plan, body)
    with ports.store.begin() as work:
        work.plans.add(plan)
    return _detail(caller, plan, 0)


def get_plan(ports: Ports, caller: Caller, plan_id: str) -> PlanDetail:
    """Return the plan, or raise NotFound."""
    with ports.store.read() as work:
        plan = get_existing(work, plan_id)
        return _detail(caller, plan, work.subscriptions.count_by_plan([plan_id]).get(plan_id, 0))


def update_plan(
    ports: Ports,
    caller: Caller,
    plan_id: str,
    body: PlanUpdate,
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[PlanDetail]:
    """Apply a merge patch. Subscribers that have more than the new quotas allow keep it; a dry run lists them."""
    now = ports.clock.now()

    def update(work: Work) -> tuple[PlanDetail, DryRun]:
        before = get_existing(work, plan_id)
        revisions.match(if_match, before.revision, "plan")
        plan = replace(_with_changes(before, body), updated_at=now)
        work.plans.save(plan)
        detail = _detail(caller, plan, work.subscriptions.count_by_plan([plan_id]).get(plan_id, 0))
        change = Change("update", "plan", plan_id, f"Changes {before.name}")
        return detail, DryRun((change,), overruns=overruns_of_plan(work, plan) if dry_run else ())

    outcome = perform(ports, update, dry_run=dry_run)
    if outcome.dry_run:
        outcome.result.plan.revision -= 1  # the save was rolled back: If-Match takes the revision before it
    return outcome


def delete_plan(ports: Ports, caller: Caller, plan_id: str, if_match: str | None = None) -> None:  # noqa: ARG001 - all rules have the same signature
    """Delete a plan. Raise Conflict while a subscription refers to it, also an expired one."""
    with ports.store.begin() as work:
        plan = get_existing(work, plan_id)
        revisions.match(if_match, plan.revision, "plan")
        subscriptions = work.subscriptions.page(query(filters={"plan_id": plan_id}, per_page=1)).total
        if subscriptions:
            raise Conflict(
                f"Cannot delete {plan.name}: {subscriptions} subscriptions refer to it",
                code="in_use",
                details=f"Move them to another plan: GET /api/subscriptions?plan_id={plan_id} lists them",
            )
        work.plans.remove(plan_id)


def get_existing(work: Work, plan_id: str) -> Plan:
    """Return the plan, or raise NotFound."""
    plan = work.plans.get(plan_id)
    if plan is None:
        raise not_found("Plan", plan_id)
    return plan


def _detail(caller: Caller, plan: Plan, subscribers: int) -> PlanDetail:
    return PlanDetail(plan, subscribers if caller.customer_id is None else None)


def _with_changes(plan: Plan, body: PlanCreate | PlanUpdate) -> Plan:
    """Return the plan after a merge patch of its fields and of those of its nested values."""
    changes: dict[str, Any] = dict(body)
    for name, kind in _NESTED.items():
        if name in changes:
            changes[name] = kind(**{**_values(getattr(plan, name)), **changes[name]})
    return replace(plan, **changes | {"kind": plan.kind})


def _values(nested: Quotas | Features | DefaultSize) -> Mapping[str, object]:
    return {field.name: getattr(nested, field.name) for field in fields(nested)}
