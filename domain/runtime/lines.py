"""Lines of a service's containers: selection, and masking of secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from domain.errors import BadRequest
from domain.model.masking import Masking
from domain.ports.output import OutputLine, OutputStream
from domain.ports.runtime import Container
from domain.rollout.release import ROLE


class ServiceLine(NamedTuple):
    """A line, or a marker of missing lines, with its container and component. A tuple, because there are very many."""

    at: datetime
    container: str
    component: str
    stream: OutputStream
    text: str


@dataclass(frozen=True)
class LineFilter:
    """Selects lines.

    `container` is the name of a container or of a component. `search` is a text that the line contains, ignoring case.
    `since` is the earliest time.
    """

    container: str | None = None
    search: str | None = None
    since: datetime | None = None

    def containers(self, containers: Sequence[Container]) -> list[Container]:
        """Return the containers whose lines can match."""
        return [match for match in containers if self.container in (None, match.name, component(match))]

    def lines(self, container: Container, printed: Sequence[OutputLine], masking: Masking) -> list[ServiceLine]:
        """Return the matching lines, and all markers. Secrets are masked first, so that they cannot be searched for."""
        role, needle = component(container), self.search.casefold() if self.search else ""
        texts = masking.mask_all([line.text for line in printed])
        return [
            ServiceLine(line.at, container.name, role, line.stream, text)
            for line, text in zip(printed, texts, strict=True)
            if (not needle or line.stream == "gap" or needle in text.casefold())
            and (self.since is None or line.at >= self.since)
        ]


def component(container: Container) -> str:
    """Return the name of the container's component."""
    return container.labels.get(ROLE, "")


def parse_time(parameter: str, text: str | None) -> datetime | None:
    """Parse a parameter with microseconds, the precision of output times. Raise BadRequest."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            f"The parameter {parameter} is not a time that exists", details=f"{parameter}: {text}"
        ) from None
