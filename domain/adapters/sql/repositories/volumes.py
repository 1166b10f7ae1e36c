"""The repository of volumes."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, bindparam, select, update

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table
from domain.model.volume import Volume
from domain.ports.repositories import volumes as ports

volumes = entity_table("volumes", Volume, ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"))
Index("volumes_name", volumes.c.service_id, volumes.c.name, unique=True)


class Volumes(Repository[Volume], ports.Volumes):
    """Volumes, which are removed with their service."""

    table = volumes
    entity = Volume
    conflicts = {"volumes_name": ("The service has a volume with this name already", "name_taken")}  # noqa: RUF012

    def of_service(self, service_id: str) -> list[Volume]:
        """Return the volumes of a service by name."""
        own = select(self.table).where(self.table.c.service_id == service_id)
        return self._fetch_all(own.order_by(self.table.c.name))

    def after(self, volume_id: str, most: int) -> list[Volume]:
        """Return the next volumes of all services, by ID."""
        later = select(self.table).where(self.table.c.id > volume_id)
        return self._fetch_all(later.order_by(self.table.c.id).limit(most))

    def record_sizes(self, sizes: Mapping[str, int], at: datetime) -> None:
        """Set the sizes in bytes of volumes by ID, and when they were measured. Revisions stay."""
        if sizes:
            change = update(self.table).where(self.table.c.id == bindparam("volume_id"))
            rows = [{"volume_id": volume_id, "size": size, "at": at} for volume_id, size in sizes.items()]
            self._write(change.values(size_bytes=bindparam("size"), measured_at=bindparam("at")), rows)
