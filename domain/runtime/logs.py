"""The last lines of all containers of a service, sorted by time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TypedDict, Unpack

from domain.errors import Unavailable
from domain.identity.access import Caller
from domain.model.masking import Masking
from domain.ports import Ports
from domain.ports.output import OutputLine, ReadPosition
from domain.ports.runtime import Container, EngineRefused
from domain.runtime.lines import LineFilter, ServiceLine, parse_time
from domain.runtime.observation import SecretMasking, observe

DEFAULT_TAIL = 100


class GetServiceLogsParameters(TypedDict, total=False):
    """The query parameters of `get_service_logs`, except `follow`."""

    tail: int
    since: str
    until: str
    container: str
    search: str


@dataclass(frozen=True)
class ServiceLog:
    """Lines, oldest first. `truncated`: more lines matched."""

    lines: tuple[ServiceLine, ...]
    truncated: bool


def get_service_logs(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[GetServiceLogsParameters]
) -> ServiceLog:
    """Return the last `tail` lines from `since` until before `until`."""
    wanted, end = selection(parameters), parse_time("until", parameters.get("until"))
    seen = observe(ports, caller, service_id)
    masking = SecretMasking(ports).masking(seen)
    return read_last_lines(
        ports, wanted.containers(seen.containers), wanted, masking, parameters.get("tail", DEFAULT_TAIL), end
    )[0]


def selection(parameters: GetServiceLogsParameters) -> LineFilter:
    """Return which lines the parameters ask for."""
    return LineFilter(
        parameters.get("container"), parameters.get("search"), parse_time("since", parameters.get("since"))
    )


def read_last_lines(
    ports: Ports,
    containers: Sequence[Container],
    wanted: LineFilter,
    masking: Masking,
    tail: int,
    until: datetime | None = None,
) -> tuple[ServiceLog, dict[str, ReadPosition]]:
    """Return the last lines, and how far the output of each container was read."""
    found: list[ServiceLine] = []
    points: dict[str, ReadPosition] = {}
    for container in containers:
        with translate_refusal(container):
            lines, points[container.name] = _read_container(ports, container, wanted, masking, tail, until)
        found += lines
    found.sort(key=attrgetter("at"))
    return ServiceLog(tuple(found[max(0, len(found) - tail) :]), len(found) > tail), points


@contextmanager
def translate_refusal(container: Container) -> Iterator[None]:
    """Raise Unavailable if the engine refuses to return output, for example because of the logging driver."""
    try:
        yield
    except EngineRefused as refused:
        raise Unavailable(
            f"The engine does not return the output of {container.name}", details=str(refused)
        ) from refused


def _read_container(
    ports: Ports, container: Container, wanted: LineFilter, masking: Masking, tail: int, until: datetime | None
) -> tuple[list[ServiceLine], ReadPosition]:
    """Read one line more than requested, to find out whether there are more."""
    search = _SearchFilter(container, wanted, masking) if wanted.search else None
    lines = ports.runtime.output(container.name, tail=tail + 1, since=wanted.since, until=until, keep=search)
    point = search.point if search else ReadPosition(wanted.since).advance(lines)
    return wanted.lines(container, lines, masking), point


class _SearchFilter:
    """Selects the lines that match, and records the position up to which lines were read."""

    def __init__(self, container: Container, wanted: LineFilter, masking: Masking) -> None:
        self.point = ReadPosition(wanted.since)
        self._container, self._wanted, self._masking = container, wanted, masking

    def __call__(self, line: OutputLine) -> bool:
        self.point = self.point.advance((line,))
        return bool(self._wanted.lines(self._container, (line,), self._masking))
