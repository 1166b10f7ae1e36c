"""Follow the output of a service, across restarts and deployments, until the service is deleted."""

import time
from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from threading import Condition
from typing import Unpack

from domain.errors import BadRequest, NotFound
from domain.identity.access import Caller
from domain.model.masking import Masking
from domain.ports import Ports
from domain.ports.output import OutputLine, ReadPosition, gap_marker
from domain.ports.runtime import Container
from domain.runtime.lines import LineFilter, ServiceLine, parse_time
from domain.runtime.logs import DEFAULT_TAIL, GetServiceLogsParameters, read_last_lines, selection, translate_refusal
from domain.runtime.observation import Observation, SecretMasking, observe
from domain.runtime.output_reader import OutputReader

Lines = Generator[tuple[ServiceLine, ...], None, None]

_REFRESH_INTERVAL = 1.0
_WAIT = 0.4
_MAX_DRAIN = 2.0
# A container may print before it is discovered, while later lines of other containers have been returned already.
_DISCOVERY_DELAY = timedelta(seconds=1.5)
_INSTANT = timedelta(microseconds=1)


def follow_service_logs(
    ports: Ports,
    caller: Caller,
    service_id: str,
    *,
    since: datetime | None = None,
    resume: bool = False,
    search: str | None = None,
) -> Lines:
    """Yield lines from a time on, or from now on, until the service is deleted. Blocks for at most half a second.

    Closing the generator ends its threads. To resume, pass the time of the last line as `since`: lines of exactly that
    time, and of containers that had just started, are repeated. With `resume`, a marker comes first for each container
    whose lines from that time on the engine may have deleted.
    """
    follower = _LogFollower(ports, caller, service_id, LineFilter(search=search), since)
    if since is None:
        return _follow(follower, lambda: follower.last_lines(0))
    return _follow(follower, follower.gaps if resume else tuple)


def tail_service_logs(
    ports: Ports,
    caller: Caller,
    service_id: str,
    *,
    last_event_id: str | None = None,
    **parameters: Unpack[GetServiceLogsParameters],
) -> Lines:
    """Yield the last lines and then new ones as they are printed; after a reconnect, all since `last_event_id`."""
    if "until" in parameters:
        raise BadRequest("Logs that are followed have no end", details="until: leave it out, or leave out follow")
    after = parse_time("Last-Event-ID", last_event_id)
    if after is not None:
        container, search = parameters.get("container"), parameters.get("search")
        follower = _LogFollower(ports, caller, service_id, LineFilter(container, search), after)
        return _follow(follower, follower.gaps)
    follower = _LogFollower(ports, caller, service_id, selection(parameters))
    return _follow(follower, lambda: follower.last_lines(parameters.get("tail", DEFAULT_TAIL)))


def _follow(follower: "_LogFollower", first_lines: Callable[[], tuple[ServiceLine, ...]]) -> Lines:
    try:
        follower.refresh_containers()
        before = first_lines()
        follower.start_readers()  # before the yield: a container may be removed before the caller asks for more
        yield before
        while follower.check_containers():
            yield follower.next_lines()
    finally:
        follower.close()


class _LogFollower:
    """The readers of a service's containers, and how far each container has been read."""

    def __init__(
        self, ports: Ports, caller: Caller, service_id: str, wanted: LineFilter, since: datetime | None = None
    ) -> None:
        self._ports, self._caller, self._service_id = ports, caller, service_id
        self._wanted, self._since = wanted, since
        self._secrets = SecretMasking(ports)
        self._masking = Masking()
        self._containers: Sequence[Container] = ()
        self._refreshed_at = 0.0
        self._gone_at: float | None = None
        self._changed = Condition()
        self._readers: dict[str, OutputReader] = {}
        self._positions: dict[str, ReadPosition] = {}
        self._runs: dict[str, datetime | None] = {}

    def refresh_containers(self) -> None:
        """Observe the service. Raise NotFound if it is deleted."""
        observation: Observation = observe(self._ports, self._caller, self._service_id)
        self._masking = self._secrets.masking(observation)
        self._containers, self._refreshed_at = self._wanted.containers(observation.containers), time.monotonic()

    def last_lines(self, tail: int) -> tuple[ServiceLine, ...]:
        """Return the last existing lines; the readers continue from there."""
        log, self._positions = read_last_lines(self._ports, self._containers, self._wanted, self._masking, tail)
        return log.lines

    def gaps(self) -> tuple[ServiceLine, ...]:
        """Return a marker for each container whose lines after `since` the engine may have deleted."""
        return tuple(
            self._wanted.lines(container, [gap_marker(since)], self._masking)[0]
            for container in self._containers
            if (since := self._since) and self._may_lack_lines(container, since)
        )

    def _may_lack_lines(self, container: Container, since: datetime) -> bool:
        with translate_refusal(container):
            return self._ports.runtime.may_lack_output(container.name, since)

    def start_readers(self) -> None:
        """Start a reader for each container of the last observation that has unread output."""
        containers, self._containers = self._containers, ()
        for container in containers:
            if self._needs_reader(container):
                begin = self._positions.get(container.name) or ReadPosition(self._start_position(container))
                self._readers[container.name] = OutputReader(
                    container, self._ports.runtime.follow, begin, self._changed
                )

    def check_containers(self) -> bool:
        """Discover new containers periodically. Return False when the service is deleted and all lines are returned."""
        try:
            if self._gone_at is None and time.monotonic() - self._refreshed_at >= _REFRESH_INTERVAL:
                self.refresh_containers()
                self.start_readers()
        except NotFound:
            self._gone_at = time.monotonic()
        return self._gone_at is None or (bool(self._readers) and time.monotonic() - self._gone_at < _MAX_DRAIN)

    def next_lines(self) -> tuple[ServiceLine, ...]:
        """Return the next lines, or none after a short wait."""
        with self._changed:
            due = self._changed.wait_for(self._take_complete_lines, _WAIT) or []
            self._remove_finished()
        lines = [self._wanted.lines(reader.container, printed, self._masking) for reader, printed in due]
        return tuple(sorted(chain.from_iterable(lines), key=attrgetter("at")))

    def close(self) -> None:
        """End all threads."""
        with self._changed:
            for reader in self._readers.values():
                reader.close()

    def _take_complete_lines(self) -> list[tuple[OutputReader, list[OutputLine]]]:
        """Return lines that no earlier line can follow: of each reader, up to the time for which all are complete."""
        for reader in self._readers.values():
            if reader.fault:
                with translate_refusal(reader.container):
                    raise reader.fault
        ends = [reader.complete_until() for reader in self._readers.values()]
        until = min((end for end in ends if end is not None), default=None)
        taken = [(reader, reader.take(until)) for reader in self._readers.values()]
        return [(reader, lines) for reader, lines in taken if lines]

    def _remove_finished(self) -> None:
        """Remove readers that have finished, and keep their positions."""
        for name, reader in list(self._readers.items()):
            if reader.finished:
                self._positions[name], self._runs[name] = reader.position, reader.container.started_at
                del self._readers[name]

    def _needs_reader(self, container: Container) -> bool:
        """Return whether the container runs, or has run since it was read to its end."""
        if container.name in self._readers or container.started_at is None:
            return False
        return container.state == "running" or self._runs.get(container.name) != container.started_at

    def _start_position(self, container: Container) -> datetime | None:
        """Return the time from which to read a container that was not read before."""
        since, started = self._since, container.started_at
        if (
            since is None
            or started is None
            or started + _DISCOVERY_DELAY <= since
            or self._printed_at(container, since)
        ):
            return since
        return min(since, started - _DISCOVERY_DELAY)

    def _printed_at(self, container: Container, at: datetime) -> bool:
        """Return whether the line of this time is the container's: then its earlier lines have been returned."""
        with translate_refusal(container):
            return bool(self._ports.runtime.output(container.name, since=at, until=at + _INSTANT))
