"""The repository of the contents of files."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol


class Files(Protocol):
    """Contents of the files of definitions, by service and digest. They are removed with their service."""

    def contents(self, service_id: str, digests: Collection[str]) -> dict[str, str]:
        """Return the contents that are stored, by digest."""

    def put(self, service_id: str, contents: Mapping[str, str], now: datetime) -> None:
        """Store contents, and set when they were last used."""

    def remove_oldest(self, service_id: str, most: int, keep: Collection[str]) -> None:
        """Remove the contents that were not used for the longest time, until they have at most `most` characters.

        Those in `keep` are not removed, and are the first to be counted.
        """
