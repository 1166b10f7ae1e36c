"""The repository of plans."""

from sqlalchemy import Index

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.plan import Plan

plans = entity_table("plans", Plan)
Index("plans_name", plans.c.name, unique=True)
list_indexes(plans, "sort_order id", "created_at id")


class Plans(Repository[Plan]):
    """Plans. Their names are unique."""

    table = plans
    entity = Plan
    filters = frozenset({"kind"})
    sorts = frozenset({"name", "sort_order", "created_at"})
    search = TextSearch(plans.c.name)
    conflicts = {"plans_name": ("A plan with this name already exists", "name_taken")}  # noqa: RUF012 - as declared
