"""The repository of services."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Index, Row, Select, and_, bindparam, case, exists, func, or_, select, update

from domain.adapters.sql.repositories.customers import customers
from domain.adapters.sql.repositories.operations import operations
from domain.adapters.sql.repositories.subscriptions import subscriptions
from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, filter_indexes, list_indexes
from domain.events.event_types import EventContent, service_status
from domain.model.operation import Kind, OperationStatus
from domain.model.plan import DefaultSize, Plan, PlanKind
from domain.model.service import Health, Service, ServiceStatus, Usage, Watch
from domain.model.subscription import SubscriptionStatus
from domain.ports.repositories import services as ports

services = entity_table("services", Service)
# Services without a customer belong to the panel itself, within which names are unique too.
Index("services_name", func.coalesce(services.c.customer_id, ""), services.c.name, unique=True)
Index("services_subdomain", services.c.subdomain, unique=True)
list_indexes(services, "created_at id", "updated_at id", "name id", "status id")
list_indexes(services, "customer_id created_at id", "template created_at id", "deploy_method created_at id")
filter_indexes(services, "status", "created_at", "updated_at", "name")
for _filtered in ("customer_id", "template", "deploy_method"):
    filter_indexes(services, _filtered, "updated_at", "name", "status")

_DEFAULT = DefaultSize()  # for services that were last deployed by a panel without quotas
_IS_STOPPED = and_(services.c.wanted == ServiceStatus.STOPPED, services.c.status == ServiceStatus.STOPPED)


def _running_sum(figure: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((_IS_STOPPED, 0), else_=figure)), 0)


_SUMS = {
    "services": func.count(),
    "cpu": _running_sum(func.coalesce(services.c.counted_cpu, _DEFAULT.cpu)),
    "memory_mb": _running_sum(func.coalesce(services.c.counted_memory_mb, _DEFAULT.memory_mb)),
    "storage_mb": func.coalesce(func.sum(services.c.counted_storage_mb), 0),
}
_FIGURES = [figure.label(f"total_{name}") for name, figure in _SUMS.items()]
_OBSERVED_VALUES = ("observed_id", "read", "new_health", "new_usage")
_OBSERVED = (
    update(services)
    .where(services.c.id == bindparam("observed_id"), services.c.revision == bindparam("read"))
    .values(health=bindparam("new_health"), usage=bindparam("new_usage"))
)
_TOTAL_DEMAND = select(*_FIGURES).where(services.c.id != bindparam("other_than"))
_OF_CUSTOMER = _TOTAL_DEMAND.where(services.c.customer_id == bindparam("owner"))
_OF_ORGANIZATION = _TOTAL_DEMAND.where(
    services.c.customer_id.in_(select(customers.c.id).where(customers.c.organization_id == bindparam("owner")))
)


def _total(row: Row[Any]) -> ports.TotalDemand:
    return ports.TotalDemand(
        row.total_services, round(row.total_cpu, 3), int(row.total_memory_mb), int(row.total_storage_mb)
    )


class Services(Repository[Service], ports.Services):
    """Services. Names are unique within a customer."""

    table = services
    entity = Service
    filters = frozenset({"status", "customer_id", "template", "deploy_method"})
    sorts = frozenset({"name", "status", "created_at", "updated_at"})
    search = TextSearch(services.c.name, texts="service_names", trigrams="service_trigrams")
    conflicts = {  # noqa: RUF012 - as declared
        "services_name": ("A service with this name already exists", "name_taken"),
        "services_subdomain": ("Another service has just got this subdomain. Try again", "conflict"),
    }

    def event(self, service: Service) -> EventContent:
        """Return the event that a change of the service publishes."""
        return service_status(service)

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write status, health and usage as observed, unless the service is deploying.

        The revision rises only if `status` changes.
        """
        service = self.get(service_id)
        if service is None or service.status is ServiceStatus.DEPLOYING:
            return
        service.health, service.usage = health, usage
        if service.status is status:
            observed = update(self.table).where(self.table.c.id == service_id)
            self._write(observed.values(health=health, usage=usage))
        else:
            service.status = status
            self.save(service)

    def observe_unchanged(self, observed: Sequence[Service]) -> None:
        """Write health and usage of services that nobody has changed since they were read. Their revisions stay."""
        rows = [
            {
                "observed_id": service.id,
                "read": service.revision,
                "new_health": service.health,
                "new_usage": service.usage,
            }
            for service in observed
        ]
        if rows:
            self._write(_OBSERVED, rows)

    def end_watch(self, service_id: str, watch: Watch) -> None:
        """Forget a watch, unless it is another one by now. The revision stays."""
        service = self.get(service_id)
        if service is not None and service.watch == watch:
            self._write(update(self.table).where(self.table.c.id == service_id).values(watch=None))

    def subdomains(self) -> dict[str, str]:
        """Return the subdomains of all services, by ID, except of services that are being deleted."""
        this, work = self.table.c, operations.c
        unfinished = work.status.in_([OperationStatus.QUEUED, OperationStatus.RUNNING])
        deleting = exists().where(work.lock_key == this.id, work.kind == Kind.DELETE, unfinished)
        rows = self._connection.execute(select(this.id, this.subdomain).where(this.subdomain.is_not(None), ~deleting))
        return {row.id: row.subdomain for row in rows}

    def has_subdomain(self, subdomain: str) -> bool:
        """Return whether a service has this subdomain."""
        found = select(exists().where(self.table.c.subdomain == subdomain))
        return bool(self._connection.scalar(found))

    def demand_of_customer(self, customer_id: str, other_than: str) -> ports.TotalDemand:
        """Return what the services of a customer count for, except one."""
        return self._total_demand(_OF_CUSTOMER, customer_id, other_than)

    def demand_of_organization(self, organization_id: str, other_than: str) -> ports.TotalDemand:
        """Return what the services of all customers of an organization count for, except one."""
        return self._total_demand(_OF_ORGANIZATION, organization_id, other_than)

    def _total_demand(self, query: Select[Any], owner: str, other_than: str) -> ports.TotalDemand:
        return _total(self._connection.execute(query, {"owner": owner, "other_than": other_than}).one())

    def demand_above(self, plan: Plan, limit: int) -> dict[str, ports.TotalDemand]:
        """Return the subscribers of a plan, by ID, that have more than one of its quotas; at most `limit`."""
        exceeded = [
            figure > quota + 1e-6 for name, figure in _SUMS.items() if (quota := getattr(plan.quotas, name)) is not None
        ]
        if not exceeded:
            return {}
        owner = subscriptions.c.customer_id if plan.kind is PlanKind.CUSTOMER else customers.c.organization_id
        tables = services.join(customers, customers.c.id == services.c.customer_id).join(
            subscriptions,
            or_(
                subscriptions.c.customer_id == customers.c.id,
                subscriptions.c.organization_id == customers.c.organization_id,
            ),
        )
        rows = self._connection.execute(
            select(owner.label("owner"), *_FIGURES)
            .select_from(tables)
            .where(subscriptions.c.plan_id == plan.id, subscriptions.c.status != SubscriptionStatus.EXPIRED)
            .group_by(owner)
            .having(or_(*exceeded))
            .order_by(owner)
            .limit(limit)
        )
        return {row.owner: _total(row) for row in rows}

    def of_customer(self, customer_id: str, after: str, limit: int) -> list[Service]:
        """Return the next services of a customer whose IDs follow `after`, by ID."""
        this = self.table.c
        rows = select(self.table).where(this.customer_id == customer_id, this.id > after)
        return self._fetch_all(rows.order_by(this.id).limit(limit))

    def wanted_running(self) -> list[Service]:
        """Return the services that should be running and have no operation in progress."""
        this, work = self.table.c, operations.c
        busy = exists().where(work.lock_key == this.id, work.status == OperationStatus.RUNNING)
        wanted = (this.wanted == ServiceStatus.RUNNING, this.live_deployment_id.is_not(None), ~busy)
        return self._fetch_all(select(self.table).where(*wanted).order_by(this.id))
