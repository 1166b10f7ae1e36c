"""The repository of customers."""

from sqlalchemy import ForeignKeyConstraint

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.customer import Customer

customers = entity_table(
    "customers", Customer, ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="RESTRICT")
)
list_indexes(customers, "created_at id", "name id", "organization_id created_at id")


class Customers(Repository[Customer]):
    """Customers."""

    table = customers
    entity = Customer
    filters = frozenset({"status", "organization_id"})
    sorts = frozenset({"name", "created_at"})
    search = TextSearch(customers.c.name)
