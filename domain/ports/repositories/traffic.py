"""The repository of traffic."""

from collections.abc import Sequence
from typing import Protocol

from domain.model.traffic import TrafficReading


class Traffic(Protocol):
    """The traffic of customers by month. It outlives their services, and is removed with the customer."""

    def count(self, readings: Sequence[TrafficReading]) -> None:
        """Add what is new in these readings to the month in which they were taken.

        Readings that other workers have written meanwhile count once. Those of services that are gone are left out.
        """

    def of_customer(self, customer_id: str, month: str) -> int:
        """Return the bytes of a customer in a month."""

    def of_organization(self, organization_id: str, month: str) -> int:
        """Return the bytes of all customers of an organization in a month."""
