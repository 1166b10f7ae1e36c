"""The repository of custom templates."""

from typing import Protocol

from domain.model.template import CustomTemplate, TemplateSummary
from domain.ports.repository import Repository


class Templates(Repository[CustomTemplate], Protocol):
    """Custom templates."""

    def summaries(self) -> list[TemplateSummary]:
        """Return what lists show of all of them, with their versions, without reading their texts."""

    def count(self) -> int:
        """Return how many there are."""
