"""The repository of registries."""

from datetime import datetime

from sqlalchemy import Index, and_, func, or_, select, update

from domain.adapters.sql.repositories.deployments import deployments
from domain.adapters.sql.repositories.services import services
from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.image_reference import registry_of
from domain.model.registry import Registry
from domain.ports.repositories import registries as ports

registries = entity_table("registries", Registry)
Index("registries_host", func.coalesce(registries.c.customer_id, ""), registries.c.host, unique=True)
list_indexes(registries, "created_at id", "name id", "host id", "customer_id created_at id")


class Registries(Repository[Registry], ports.Registries):
    """Registries. A customer has one for each host."""

    table = registries
    entity = Registry
    filters = frozenset({"customer_id", "host"})
    sorts = frozenset({"name", "host", "created_at"})
    search = TextSearch(registries.c.name)
    conflicts = {"registries_host": ("A registry with this host already exists", "conflict")}  # noqa: RUF012

    def serving(self, host: str, customer_id: str | None) -> Registry | None:
        """Return the registry whose login the services of a customer use at a host: its own before a shared one."""
        this = self.table.c
        unowned = this.customer_id.is_(None)
        own = this.customer_id == customer_id if customer_id else unowned
        usable = or_(own, and_(unowned, this.shared))
        found = self._fetch_all(select(self.table).where(this.host == host, usable))
        return next((registry for registry in found if registry.customer_id == customer_id), next(iter(found), None))

    def record_login(self, registry_id: str, at: datetime, error: str | None) -> None:
        """Set the time and the failure code of the last login. The revision stays."""
        self._write(update(self.table).where(self.table.c.id == registry_id).values(login_at=at, login_error=error))

    def service_that_pulls(self, registry: Registry) -> str | None:
        """Return the name of a service whose live deployment has images from the registry; None if there is none."""
        live = select(services.c.name, deployments.c.images).where(services.c.live_deployment_id == deployments.c.id)
        if not registry.shared:
            live = live.where(services.c.customer_id.is_not_distinct_from(registry.customer_id))
        rows = self._connection.execute(live.execution_options(yield_per=100))
        with rows:
            return next((row.name for row in rows if registry.host in map(registry_of, row.images)), None)
