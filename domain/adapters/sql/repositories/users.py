"""The repository of users."""

from datetime import datetime

from sqlalchemy import Index, bindparam, delete, select, update

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.user import User
from domain.ports.repositories import users as ports

users = entity_table("users", User)
Index("users_subject", users.c.subject, unique=True)
list_indexes(users, "created_at id", "name id", "role id", "customer_id created_at id", "email")

_BY_SUBJECT = select(users).where(users.c.subject == bindparam("subject"))


class Users(Repository[User], ports.Users):
    """Users, found by the identity provider's id."""

    table = users
    entity = User
    filters = frozenset({"role", "customer_id", "enabled", "invited", "email"})
    search = TextSearch(users.c.name)
    sorts = frozenset({"name", "created_at", "last_seen_at"})
    conflicts = {"users_subject": ("A user with this subject exists already", "conflict")}  # noqa: RUF012 - as declared

    def by_subject(self, subject: str) -> User | None:
        """Return the user with this id at the identity provider."""
        return self._fetch_one(_BY_SUBJECT, subject=subject)

    def remove_of_customer(self, customer_id: str) -> None:
        """Remove all users of a customer, with their sessions."""
        self._write(delete(self.table).where(self.table.c.customer_id == customer_id))

    def record_use(self, user_id: str, at: datetime, address: str) -> None:
        """Set when and from where the user was last seen. The revision stays."""
        change = update(self.table).where(self.table.c.id == user_id)
        self._write(change.values(last_seen_at=at, last_seen_ip=address))
