"""The repository of API keys."""

from datetime import datetime

from sqlalchemy import Index, bindparam, delete, select, update

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.api_key import ApiKey
from domain.ports.repositories import api_keys as ports

api_keys = entity_table("api_keys", ApiKey)
Index("api_keys_prefix", api_keys.c.prefix, unique=True)
list_indexes(api_keys, "created_at id", "name id", "role id", "customer_id created_at id")

# Every request runs this statement, and building it takes as long as running it.
_BY_PREFIX = select(api_keys).where(api_keys.c.prefix == bindparam("prefix"))


class ApiKeys(Repository[ApiKey], ports.ApiKeys):
    """API keys, found by their prefix."""

    table = api_keys
    entity = ApiKey
    filters = frozenset({"role", "customer_id", "created_by"})
    sorts = frozenset({"name", "created_at", "last_used_at"})
    search = TextSearch(api_keys.c.name)
    conflicts = {"api_keys_prefix": ("A key with this prefix exists already", "conflict")}  # noqa: RUF012 - as declared

    def by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key that a credential's first characters name."""
        return self._fetch_one(_BY_PREFIX, prefix=prefix)

    def record_use(self, key_id: str, at: datetime, address: str, requests: int) -> None:
        """Add to the request count, and set when and from where the key was last used. The revision stays."""
        count = self.table.c.request_count + requests
        change = update(self.table).where(self.table.c.id == key_id)
        self._write(change.values(request_count=count, last_used_at=at, last_used_ip=address))

    def remove_of_customer(self, customer_id: str) -> None:
        """Remove all keys of a customer, with their sessions."""
        self._write(delete(self.table).where(self.table.c.customer_id == customer_id))

    def any(self) -> bool:
        """Return whether there is a key at all."""
        return self._connection.execute(select(self.table.c.id).limit(1)).first() is not None
