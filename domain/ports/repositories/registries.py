"""The repository of registries."""

from datetime import datetime
from typing import Protocol

from domain.model.registry import Registry
from domain.ports.repository import Repository


class Registries(Repository[Registry], Protocol):
    """Registries."""

    def serving(self, host: str, customer_id: str | None) -> Registry | None:
        """Return the registry whose login the services of a customer use at a host: its own before a shared one."""

    def record_login(self, registry_id: str, at: datetime, error: str | None) -> None:
        """Set the time and the failure code of the last login. The revision stays."""

    def service_that_pulls(self, registry: Registry) -> str | None:
        """Return the name of a service whose live deployment has images from the registry; None if there is none."""
