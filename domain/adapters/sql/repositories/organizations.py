"""The repository of organizations."""

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.organization import Organization

organizations = entity_table("organizations", Organization)
list_indexes(organizations, "created_at id", "name id")


class Organizations(Repository[Organization]):
    """Organizations."""

    table = organizations
    entity = Organization
    filters = frozenset({"status"})
    sorts = frozenset({"name", "created_at"})
    search = TextSearch(organizations.c.name)
