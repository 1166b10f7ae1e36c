"""What the readers of fields share: the notes they write, the variables, and the names that the text declares."""

from dataclasses import dataclass

from domain.compose.findings import Notes
from domain.compose.interpolation import Filler


@dataclass(frozen=True)
class Context:
    """One check of one text."""

    notes: Notes
    filler: Filler
    services: frozenset[str]
    volumes: frozenset[str]
    networks: frozenset[str]
