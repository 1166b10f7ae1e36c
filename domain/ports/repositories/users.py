"""The repository of users."""

from datetime import datetime
from typing import Protocol

from domain.model.user import User
from domain.ports.repository import Repository


class Users(Repository[User], Protocol):
    """Users."""

    def by_subject(self, subject: str) -> User | None:
        """Return the user with this id at the identity provider."""

    def remove_of_customer(self, customer_id: str) -> None:
        """Remove all users of a customer, with their sessions."""

    def record_use(self, user_id: str, at: datetime, address: str) -> None:
        """Set when and from where the user was last seen. The revision stays."""
