"""The repository of services."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.model.plan import Plan
from domain.model.service import Health, Service, ServiceStatus, Usage, Watch
from domain.ports.repository import Repository


@dataclass(frozen=True)
class TotalDemand:
    """What several services count for, in cores and MiB. Stopped ones count for `services` and `storage_mb` alone."""

    services: int
    cpu: float
    memory_mb: int
    storage_mb: int


class Services(Repository[Service], Protocol):
    """Services."""

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write status, health and usage as observed, unless the service is deploying.

        The revision rises only if `status` changes.
        """

    def observe_unchanged(self, observed: Sequence[Service]) -> None:
        """Write health and usage of services that nobody has changed since they were read. Their revisions stay."""

    def end_watch(self, service_id: str, watch: Watch) -> None:
        """Forget a watch, unless it is another one by now. The revision stays."""

    def subdomains(self) -> dict[str, str]:
        """Return the subdomains of all services, by ID, except of services that are being deleted."""

    def has_subdomain(self, subdomain: str) -> bool:
        """Return whether a service has this subdomain."""

    def demand_of_customer(self, customer_id: str, other_than: str) -> TotalDemand:
        """Return what the services of a customer count for, except one."""

    def demand_of_organization(self, organization_id: str, other_than: str) -> TotalDemand:
        """Return what the services of all customers of an organization count for, except one."""

    def demand_above(self, plan: Plan, limit: int) -> dict[str, TotalDemand]:
        """Return the subscribers of a plan, by ID, that have more than one of its quotas; at most `limit`."""

    def of_customer(self, customer_id: str, after: str, limit: int) -> list[Service]:
        """Return the next services of a customer whose IDs follow `after`, by ID."""

    def wanted_running(self) -> list[Service]:
        """Return the services that should be running and have no operation in progress."""
