"""Following what a service prints, across restarts and deployments, until it is gone."""

import time
from collections.abc import Generator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from threading import Condition
from typing import Unpack

from domain.errors import BadRequest, NotFound
from domain.identity.access import Caller
from domain.model.masking import Masking
from domain.ports import Ports
from domain.ports.runtime import Container, OutputLine, ReadPosition
from domain.runtime.lines import ServiceLine, Wanted, moment
from domain.runtime.logs import DEFAULT_TAIL, GetServiceLogsParameters, given_out, history, selection
from domain.runtime.looking import Look, Secrets, look
from domain.runtime.sources import Source

Lines = Generator[tuple[ServiceLine, ...], None, None]

_LOOK_EVERY = 1.0
_WAIT = 0.4
_LAST_WORDS = 2.0
# A container may have printed before anybody knew of it, while what others printed later was told already.
_UNNOTICED = timedelta(seconds=1.5)
_INSTANT = timedelta(microseconds=1)


def follow_service_logs(
    ports: Ports,
    caller: Caller,
    service_id: str,
    *,
    since: datetime | None = None,
    container: str | None = None,
    search: str | None = None,
) -> Lines:
    """What is printed from a time on, or from now on; ends when the service is gone. Blocks, half a second at most.

    Closing it ends its threads. Whoever was told all up to a line goes on with `since` its time, and misses nothing:
    what was printed at that very time is told again, and what others had printed that were only just started.
    """
    if since is None:
        return _followed(_Following(ports, caller, service_id, Wanted(container, search)), 0)
    return _followed(_Following(ports, caller, service_id, Wanted(container, search), since))


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
        raise BadRequest("What is followed has no end", details="until: leave it out, or leave out follow")
    after = moment("Last-Event-ID", last_event_id)
    if after is not None:
        container, search = parameters.get("container"), parameters.get("search")
        return follow_service_logs(ports, caller, service_id, since=after, container=container, search=search)
    following = _Following(ports, caller, service_id, selection(parameters))
    return _followed(following, parameters.get("tail", DEFAULT_TAIL))


def _followed(following: "_Following", tail: int | None = None) -> Lines:
    try:
        following.look_around()
        before = () if tail is None else following.last_lines(tail)
        following.read_what_runs()  # already now: a container may be removed before its last lines are asked for
        yield before
        while following.goes_on():
            yield following.next_lines()
    finally:
        following.close()


class _Following:
    """Which containers are read, how far, and what of it can be told."""

    def __init__(
        self, ports: Ports, caller: Caller, service_id: str, wanted: Wanted, since: datetime | None = None
    ) -> None:
        self._ports, self._caller, self._service_id = ports, caller, service_id
        self._wanted, self._since = wanted, since
        self._secrets = Secrets(ports)
        self._masking = Masking()
        self._seen: Sequence[Container] = ()
        self._looked = 0.0
        self._gone_at: float | None = None
        self._turn = Condition()
        self._sources: dict[str, Source] = {}
        self._points: dict[str, ReadPosition] = {}
        self._runs: dict[str, datetime | None] = {}

    def look_around(self) -> None:
        """Raises NotFound when the service is gone."""
        seen: Look = look(self._ports, self._caller, self._service_id)
        self._masking = self._secrets.masking(seen)
        self._seen, self._looked = self._wanted.containers(seen.containers), time.monotonic()

    def last_lines(self, tail: int) -> tuple[ServiceLine, ...]:
        """The end of what was printed before; reading goes on from there."""
        log, self._points = history(self._ports, self._seen, self._wanted, self._masking, tail)
        return log.lines

    def read_what_runs(self) -> None:
        """What the last look has seen, once."""
        seen, self._seen = self._seen, ()
        for container in seen:
            if self._is_unread(container):
                begin = self._points.get(container.name) or ReadPosition(self._beginning(container))
                self._sources[container.name] = Source(container, self._ports.runtime.follow, begin, self._turn)

    def goes_on(self) -> bool:
        """Look for new containers now and then. When the service is gone, only what was left to tell is told."""
        try:
            if self._gone_at is None and time.monotonic() - self._looked >= _LOOK_EVERY:
                self.look_around()
                self.read_what_runs()
        except NotFound:
            self._gone_at = time.monotonic()
        return self._gone_at is None or (bool(self._sources) and time.monotonic() - self._gone_at < _LAST_WORDS)

    def next_lines(self) -> tuple[ServiceLine, ...]:
        """What can be told now, or nothing after a while."""
        with self._turn:
            due = self._turn.wait_for(self._due, _WAIT) or []
            self._let_go()
        lines = [self._wanted.lines(source.container, printed, self._masking) for source, printed in due]
        return tuple(sorted(chain.from_iterable(lines), key=attrgetter("at")))

    def close(self) -> None:
        """Ends all threads."""
        with self._turn:
            for source in self._sources.values():
                source.close()

    def _due(self) -> list[tuple[Source, list[OutputLine]]]:
        """Lines before which no others can come any more: of each source up to where every other one is complete."""
        for source in self._sources.values():
            if source.fault:
                with given_out(source.container):
                    raise source.fault
        ends = [source.complete_until() for source in self._sources.values()]
        until = min((end for end in ends if end is not None), default=None)
        taken = [(source, source.take(until)) for source in self._sources.values()]
        return [(source, lines) for source, lines in taken if lines]

    def _let_go(self) -> None:
        """Of what is read to its end, keep only how far that was."""
        for name, source in list(self._sources.items()):
            if source.over:
                self._points[name], self._runs[name] = source.point, source.container.started_at
                del self._sources[name]

    def _is_unread(self, container: Container) -> bool:
        """Whether it runs, or has run since it was read to its end."""
        if container.name in self._sources or container.started_at is None:
            return False
        return container.state == "running" or self._runs.get(container.name) != container.started_at

    def _beginning(self, container: Container) -> datetime | None:
        """From where to read one that was never read: from its own beginning, or from where its reader has been."""
        since, started = self._since, container.started_at
        if since is None or started is None or started + _UNNOTICED <= since or self._told_by(container, since):
            return since
        return min(since, started - _UNNOTICED)

    def _told_by(self, container: Container, at: datetime) -> bool:
        """Whether the line of this time is the container's own: then all that it printed before was told too."""
        with given_out(container):
            return bool(self._ports.runtime.output(container.name, since=at, until=at + _INSTANT))
