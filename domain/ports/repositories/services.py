"""The repository of services."""

from typing import Protocol

from domain.model.service import Health, Service, ServiceStatus, Usage, Watch
from domain.ports.repository import Repository


class Services(Repository[Service], Protocol):
    """Services."""

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write status, health and usage as observed, unless the service is deploying.

        The revision rises only if `status` changes.
        """

    def end_watch(self, service_id: str, watch: Watch) -> None:
        """Forget a watch, unless it is another one by now. The revision stays."""

    def has_subdomain(self, subdomain: str) -> bool:
        """Return whether a service has this subdomain."""

    def wanted_running(self) -> list[Service]:
        """Return the services that should be running and have no operation in progress."""
