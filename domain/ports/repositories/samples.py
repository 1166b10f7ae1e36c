"""The repository of usage samples."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.model.sample import Sample


class Samples(Protocol):
    """Samples of the resource usage of services. They are removed with their service."""

    def add(self, new_samples: Sequence[Sample]) -> None:
        """Insert samples. Skip those of a time that has one, and of services that do not exist."""

    def between(self, service_id: str, since: datetime, until: datetime) -> list[Sample]:
        """Return the samples from `since` until before `until`, oldest first."""

    def remove_before(self, before: datetime) -> int:
        """Delete older samples. Return how many."""
