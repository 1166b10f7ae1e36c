"""The repository of API keys."""

from datetime import datetime
from typing import Protocol

from domain.model.api_key import ApiKey
from domain.ports.repository import Repository


class ApiKeys(Repository[ApiKey], Protocol):
    """API keys."""

    def by_prefix(self, prefix: str) -> ApiKey | None: ...
    def record_use(self, key_id: str, at: datetime, address: str, requests: int) -> None:
        """Add to the request count, and set when and from where the key was last used. The revision stays."""

    def remove_of_customer(self, customer_id: str) -> None:
        """Remove all keys of a customer, with their sessions."""

    def any(self) -> bool: ...
