"""The repository of deploy hooks and of the deliveries that they have accepted."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.deploy_hook import DeployHook, HookDelivery, SeenDelivery
from domain.ports.repositories import deploy_hooks as ports

deploy_hooks = entity_table(
    "deploy_hooks", DeployHook, ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE")
)
list_indexes(deploy_hooks, "service_id created_at id")
seen_deliveries = entity_table(
    "seen_deliveries",
    SeenDelivery,
    ForeignKeyConstraint(["hook_id"], ["deploy_hooks.id"], ondelete="CASCADE"),
    primary=("hook_id", "digest"),
)
list_indexes(seen_deliveries, "hook_id received_at")


class DeployHooks(Repository[DeployHook], ports.DeployHooks):
    """Deploy hooks. They are removed with their service."""

    table = deploy_hooks
    entity = DeployHook
    filters = frozenset({"service_id"})
    sorts = frozenset({"created_at"})

    def of_service(self, service_id: str) -> list[DeployHook]:
        """Return the hooks of a service, oldest first."""
        this = self.table.c
        return self._fetch_all(
            select(self.table).where(this.service_id == service_id).order_by(this.created_at, this.id)
        )

    def record_delivery(self, hook_id: str, delivery: HookDelivery) -> None:
        """Set the last delivery. The revision stays."""
        self._write(update(self.table).where(self.table.c.id == hook_id).values(last_delivery=delivery))

    def remember(self, hook_id: str, digests: Collection[str], now: datetime, *, most: int) -> bool:
        """Store the digests of a delivery and return True; return False if one of them is stored already."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        rows = [{"hook_id": hook_id, "digest": digest, "received_at": now} for digest in sorted(set(digests))]
        this = seen_deliveries.c
        addition = insert(seen_deliveries).values(rows).on_conflict_do_nothing().returning(this.digest)
        if len(self._connection.execute(addition).all()) != len(rows):
            return False
        oldest = select(this.received_at).where(this.hook_id == hook_id).order_by(this.received_at.desc())
        last_kept = oldest.offset(most - 1).limit(1).scalar_subquery()
        self._connection.execute(delete(seen_deliveries).where(this.hook_id == hook_id, this.received_at < last_kept))
        return True
