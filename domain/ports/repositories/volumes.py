"""The repository of volumes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from domain.model.volume import Volume
from domain.ports.repository import Repository


class Volumes(Repository[Volume], Protocol):
    """Volumes of services."""

    def of_service(self, service_id: str) -> list[Volume]:
        """Return the volumes of a service by name. They are not locked."""

    def after(self, volume_id: str, most: int) -> list[Volume]:
        """Return the next volumes of all services, by ID."""

    def record_sizes(self, sizes: Mapping[str, int], at: datetime) -> None:
        """Set the sizes in bytes of volumes by ID, and when they were measured. Revisions stay."""
