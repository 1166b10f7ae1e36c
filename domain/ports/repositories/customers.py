"""The repository of customers."""

from collections.abc import Collection
from typing import Protocol

from domain.model.customer import Customer
from domain.ports.repository import Repository


class Customers(Repository[Customer], Protocol):
    """Customers."""

    def suspended(self, customer_ids: Collection[str]) -> frozenset[str]:
        """Return those of these customers that are suspended."""
