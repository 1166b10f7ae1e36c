"""What a service has printed: the last lines of all its containers, in the order of time."""

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
from domain.ports.runtime import Container, EngineRefused, OutputLine, ReadPosition
from domain.runtime.lines import ServiceLine, Wanted, moment
from domain.runtime.looking import Secrets, look

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
    """Lines, oldest first; `truncated` when there were more that matched."""

    lines: tuple[ServiceLine, ...]
    truncated: bool


def get_service_logs(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[GetServiceLogsParameters]
) -> ServiceLog:
    """Return the last `tail` lines from `since` until before `until`."""
    wanted, end = selection(parameters), moment("until", parameters.get("until"))
    seen = look(ports, caller, service_id)
    masking = Secrets(ports).masking(seen)
    return history(
        ports, wanted.containers(seen.containers), wanted, masking, parameters.get("tail", DEFAULT_TAIL), end
    )[0]


def selection(parameters: GetServiceLogsParameters) -> Wanted:
    """Return which lines the parameters ask for."""
    return Wanted(parameters.get("container"), parameters.get("search"), moment("since", parameters.get("since")))


def history(
    ports: Ports,
    containers: Sequence[Container],
    wanted: Wanted,
    masking: Masking,
    tail: int,
    until: datetime | None = None,
) -> tuple[ServiceLog, dict[str, ReadPosition]]:
    """The last lines, and how far each container was read for them."""
    found: list[ServiceLine] = []
    points: dict[str, ReadPosition] = {}
    for container in containers:
        with given_out(container):
            lines, points[container.name] = _printed(ports, container, wanted, masking, tail, until)
        found += lines
    found.sort(key=attrgetter("at"))
    return ServiceLog(tuple(found[max(0, len(found) - tail) :]), len(found) > tail), points


@contextmanager
def given_out(container: Container) -> Iterator[None]:
    """An engine that will not say what a container printed cannot be asked for it, whoever asks."""
    try:
        yield
    except EngineRefused as refused:
        raise Unavailable(
            f"The engine does not give out what {container.name} printed", details=str(refused)
        ) from refused


def _printed(
    ports: Ports, container: Container, wanted: Wanted, masking: Masking, tail: int, until: datetime | None
) -> tuple[list[ServiceLine], ReadPosition]:
    """One more than is asked for, which tells that there are more."""
    sieve = _Sieve(container, wanted, masking) if wanted.search else None
    lines = ports.runtime.output(container.name, tail=tail + 1, since=wanted.since, until=until, keep=sieve)
    point = sieve.point if sieve else ReadPosition(wanted.since).advance(lines)
    return wanted.lines(container, lines, masking), point


class _Sieve:
    """Keeps the lines that are searched for, and the point up to which it was shown any."""

    def __init__(self, container: Container, wanted: Wanted, masking: Masking) -> None:
        self.point = ReadPosition(wanted.since)
        self._container, self._wanted, self._masking = container, wanted, masking

    def __call__(self, line: OutputLine) -> bool:
        self.point = self.point.advance((line,))
        return bool(self._wanted.lines(self._container, (line,), self._masking))
