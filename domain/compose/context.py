"""What the readers of fields share: the findings they write, the variables, and the names that the text declares."""

from dataclasses import dataclass

from domain.compose.findings import FindingCollector
from domain.compose.interpolation import Interpolator


@dataclass(frozen=True)
class Context:
    """One check of one text."""

    findings: FindingCollector
    interpolator: Interpolator
    services: frozenset[str]
    volumes: frozenset[str]
    networks: frozenset[str]
