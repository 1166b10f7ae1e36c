"""The repository of API keys."""

from datetime import datetime

from sqlalchemy import bindparam, select, update

from domain.adapters.sql import tables
from domain.adapters.sql.repository import Repository
from domain.model.api_key import ApiKey

# Every request asks this: building the statement anew would take as long as running it.
_BY_PREFIX = select(tables.api_keys).where(tables.api_keys.c.prefix == bindparam("prefix"))


class ApiKeys(Repository[ApiKey]):
    """API keys, found by their prefix."""

    table = tables.api_keys
    entity = ApiKey
    filters = frozenset({"role", "customer_id", "created_by"})
    sorts = frozenset({"name", "created_at", "last_used_at"})
    taken = {"api_keys_prefix": ("A key with this prefix exists already", "conflict")}  # noqa: RUF012 - as declared

    def by_prefix(self, prefix: str) -> ApiKey | None:
        """The key that a credential's first characters name."""
        return self._one(_BY_PREFIX, prefix=prefix)

    def used(self, key_id: str, at: datetime, address: str, requests: int) -> None:
        """Add to the request count and set last use; the revision stays."""
        count = self.table.c.request_count + requests
        last = update(self.table).where(self.table.c.id == key_id)
        self._change(last.values(request_count=count, last_used_at=at, last_used_ip=address))

    def any(self) -> bool:
        """Whether there is a key at all."""
        return self._connection.execute(select(self.table.c.id).limit(1)).first() is not None
