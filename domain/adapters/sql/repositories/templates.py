"""The repository of custom templates."""

from dataclasses import replace

from sqlalchemy import func, select

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table
from domain.model.template import CustomTemplate, TemplateSummary
from domain.ports.repositories import templates as ports

templates = entity_table("templates", CustomTemplate)
_SUMMARIES = select(templates.c.summary, templates.c.revision)
_COUNT = select(func.count()).select_from(templates)


class Templates(Repository[CustomTemplate], ports.Templates):
    """Custom templates. Rules bound their number, so that no list of them needs pages or indexes."""

    table = templates
    entity = CustomTemplate
    filters = frozenset()
    sorts = frozenset()
    conflicts = {"templates_id": ("A template with this name already exists", "name_taken")}  # noqa: RUF012

    def summaries(self) -> list[TemplateSummary]:
        """Return what lists show of all of them, with their versions, without reading their texts."""
        return [replace(row.summary, version=row.revision) for row in self._connection.execute(_SUMMARIES)]

    def count(self) -> int:
        """Return how many there are."""
        return self._connection.scalar(_COUNT) or 0
