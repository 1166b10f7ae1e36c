"""The repository of services."""

from sqlalchemy import Index, exists, func, select, update

from domain.adapters.sql.repositories.operations import operations
from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, filter_indexes, list_indexes
from domain.model.operation import OperationStatus
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.ports import store as ports

services = entity_table("services", Service)
# A service without a customer belongs to the panel's owner, who is one owner like any other.
Index("services_name", func.coalesce(services.c.customer_id, ""), services.c.name, unique=True)
list_indexes(services, "created_at id", "updated_at id", "name id", "status id")
list_indexes(services, "customer_id created_at id", "template created_at id", "deploy_method created_at id")
filter_indexes(services, "status", "created_at", "updated_at", "name")
for _filtered in ("customer_id", "template", "deploy_method"):
    filter_indexes(services, _filtered, "updated_at", "name", "status")


class Services(Repository[Service], ports.Services):
    """Services; a name is unique within a customer."""

    table = services
    entity = Service
    filters = frozenset({"status", "customer_id", "template", "deploy_method"})
    sorts = frozenset({"name", "status", "created_at", "updated_at"})
    conflicts = {"services_name": ("A service of this name exists already", "name_taken")}  # noqa: RUF012 - as declared

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write live figures, but not while deploying; the revision rises only when `status` changes."""
        known = self.get(service_id)
        if known is None or known.status is ServiceStatus.DEPLOYING:
            return
        known.health, known.usage = health, usage
        if known.status is status:
            figures = update(self.table).where(self.table.c.id == service_id)
            self._change(figures.values(health=health, usage=usage))
        else:
            known.status = status
            self.save(known)

    def named(self, name: str, customer_id: str | None) -> Service | None:
        """The customer's service of this name."""
        owner = func.coalesce(self.table.c.customer_id, "") == (customer_id or "")
        return self._one(select(self.table).where(owner, self.table.c.name == name))

    def wanted_running(self) -> list[Service]:
        """Every service whose live deployment should be running and that no work is going on at."""
        this, work = self.table.c, operations.c
        busy = exists().where(work.service_id == this.id, work.status == OperationStatus.RUNNING)
        wanted = (this.wanted == ServiceStatus.RUNNING, this.live_deployment_id.is_not(None), ~busy)
        return self._all(select(self.table).where(*wanted).order_by(this.id))
