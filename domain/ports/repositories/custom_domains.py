"""The repository of custom domains."""

from typing import Protocol

from domain.model.custom_domain import CustomDomain
from domain.ports.repository import Repository


class CustomDomains(Repository[CustomDomain], Protocol):
    """Custom domains."""

    def of_service(self, service_id: str) -> list[CustomDomain]:
        """Return the domains of a service, by host and path."""

    def holder(self, host: str, customer_id: str | None) -> CustomDomain | None:
        """Return a verified domain of another customer that requests for this host can be for; None if there is none.

        In a block that writes, other blocks that ask about an overlapping host wait until it ends.
        """

    def verified(self) -> list[CustomDomain]:
        """Return all domains whose ownership is proved, by ID."""
