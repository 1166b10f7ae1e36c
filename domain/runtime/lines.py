"""Lines of a service's containers: which of them are wanted, as they may be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from domain.errors import BadRequest
from domain.model.masking import Masking
from domain.ports.runtime import Container, OutputLine
from domain.rollout.release import ROLE


class ServiceLine(NamedTuple):
    """A line, and who printed it; a tuple, since they come by the hundred thousand."""

    at: datetime
    container: str
    component: str
    stream: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True)
class Wanted:
    """Which lines: of a container or of all of a component, with a text in them in any case, of a time or later."""

    container: str | None = None
    search: str | None = None
    since: datetime | None = None

    def containers(self, found: Sequence[Container]) -> list[Container]:
        """Those whose lines these are."""
        return [one for one in found if self.container in (None, one.name, component(one))]

    def lines(self, container: Container, printed: Sequence[OutputLine], masking: Masking) -> list[ServiceLine]:
        """The wanted ones, without secrets: these cannot be searched for either."""
        role, needle = component(container), self.search.casefold() if self.search else ""
        texts = masking.mask_all([line.text for line in printed])
        return [
            ServiceLine(line.at, container.name, role, line.stream, text)
            for line, text in zip(printed, texts, strict=True)
            if (not needle or needle in text.casefold()) and (self.since is None or line.at >= self.since)
        ]


def component(container: Container) -> str:
    """The compose service that it runs."""
    return container.labels.get(ROLE, "")


def moment(parameter: str, text: str | None) -> datetime | None:
    """A time as it was given, to the microsecond: so exactly is known when something was printed."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            f"The parameter {parameter} is not a time that exists", details=f"{parameter}: {text}"
        ) from None
