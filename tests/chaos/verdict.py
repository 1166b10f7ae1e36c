"""What is held against a campaign when everything is up again: sentences, each with what is wrong about it."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from docker import DockerClient

from domain.ports import Ports
from tests.chaos import agreement, effects, news
from tests.chaos.asking import Ledger
from tests.chaos.finding import Finding
from tests.chaos.monitor import Lookout
from tests.chaos.parts import House
from tests.chaos.reading import Reader, opened
from tests.chaos.servers import at_engine
from tests.chaos.watchers import Watchers

_ENDING = 60.0  # seconds until all work has ended
_SETTLING = 45.0  # until the sweeper's next round, every 30 seconds, is over
_WORK = {
    "operations": ("queued", "running"),
    "deployments": ("queued", "pulling", "creating", "starting", "checking", "routing", "cleaning"),
}
_FAULTS = re.compile(r"Traceback|unforeseen|unexpectedly")
_EXPECTED_CODES = frozenset({1000, 1001, 1006})


@dataclass(frozen=True)
class Evidence:
    """What a campaign leaves."""

    house: House
    ledger: Ledger
    watchers: Watchers
    lookout: Lookout


def judged(evidence: Evidence) -> Iterator[Finding]:
    """One after the other, as each is looked into."""
    reader, engine = Reader(evidence.house), at_engine(evidence.house.servers["engine"])
    try:
        yield from _asked(evidence)
        yield from _ended(reader)
        with opened(evidence.house) as ports:
            yield from _agreed(evidence, ports, engine)
            yield from _written(evidence, ports, engine)
        yield from _counted(evidence, reader)
        yield from _told(evidence, reader)
        yield _finding("no log tells of what nobody foresaw", _unforeseen(evidence.house))
    finally:
        reader.close()
        engine.close()


def _finding(sentence: str, wrong: Iterable[str]) -> Finding:
    return Finding(sentence, tuple(wrong))


def _settled(sentence: str, look: Callable[[], Iterable[str]], seconds: float) -> Finding:
    """What is still wrong after so many seconds."""
    deadline = time.monotonic() + seconds
    while (wrong := tuple(look())) and time.monotonic() < deadline:
        time.sleep(1)
    return Finding(sentence, wrong)


def _asked(evidence: Evidence) -> Iterator[Finding]:
    asked = list(evidence.ledger.asked)
    yield _finding("every request was answered", [one.told for one in asked if not one.status])
    yield _finding("no answer was a fault of the panel", [one.told for one in asked if one.refused[500]])
    yield _finding("every service that was asked for was created", effects.uncreated(evidence.ledger))


def _ended(reader: Reader) -> Iterator[Finding]:
    for noun, statuses in _WORK.items():

        def going_on(noun: str = noun, statuses: tuple[str, ...] = statuses) -> list[str]:
            return [
                f"{one['id']} is {one['status']}" for each in statuses for one in reader.all(f"/{noun}", status=each)
            ]

        yield _settled(f"all {noun} have ended within a minute", going_on, _ENDING)
    failures = [(one["id"], one["failure"] or {}) for one in reader.all("/operations")]
    internal = [operation for operation, failure in failures if failure.get("code") == "internal_error"]
    yield _finding("no work ended by a fault of the panel", internal)


def _agreed(evidence: Evidence, ports: Ports, engine: DockerClient) -> Iterator[Finding]:
    data = evidence.house.folder / "data"
    for sentence, look in (
        ("running services run exactly the containers of their live deployment", agreement.running_wrong),
        ("what is stopped or failed does not run, and nothing is left deploying", agreement.resting_wrong),
        ("no container, network, volume or route is orphaned", agreement.orphans),
        ("running services show their page at their URL", agreement.unanswered),
    ):
        yield _settled(sentence, partial(_looked, look, ports, engine, data), _SETTLING)


def _written(evidence: Evidence, ports: Ports, engine: DockerClient) -> Iterator[Finding]:
    now = agreement.state(ports, engine, evidence.house.folder / "data")
    written = agreement.alternating(now, _lost(evidence.house, engine))
    yield _finding("no volume was written to by two containers at once", written)
    yield _finding("no volume was held by two running containers", sorted(evidence.lookout.writers))
    yield _finding("no more than two versions of a service ran at once", map(str, evidence.lookout.crowds.items()))
    yield _finding("no service is lost, none is back", effects.lost(evidence.ledger, {row.id for row in now.rows}))


def _looked(
    look: Callable[[agreement.State], Iterable[str]], ports: Ports, engine: DockerClient, data: Path
) -> Iterable[str]:
    return look(agreement.state(ports, engine, data))


def _counted(evidence: Evidence, reader: Reader) -> Iterator[Finding]:
    ledger, events, operations = evidence.ledger, reader.events(), reader.all("/operations")
    yield _finding("services that exist or did were answered", effects.services_wrong(ledger, events))
    yield _finding("each request made one operation", effects.operations_wrong(ledger, operations))
    yield _finding("each request made one deployment", effects.deployments_wrong(ledger, events))
    entrance = (evidence.house.doors, evidence.house.key)
    yield _finding("repeated once more, requests get the same answer", effects.answers_wrong(ledger, entrance))


def _told(evidence: Evidence, reader: Reader) -> Iterator[Finding]:
    watchers = evidence.watchers.all
    keys = {watcher.key for watcher in watchers}
    yield _finding("events are numbered without a gap", news.gaps(reader.events()))

    def untold() -> list[str]:
        events = {key: reader.events(key) for key in keys}
        return [wrong for watcher in watchers if (wrong := news.untold(watcher, events[watcher.key]))]

    yield _settled("every watcher was told of all its events, once and in order", untold, 15)
    refused = {status for watcher in watchers for status in watcher.refused} - {0, 503}
    codes = {code for watcher in watchers for code in watcher.closed} - _EXPECTED_CODES
    yield _finding("no watcher was sent away", [f"status {one}" for one in refused] + [f"code {one}" for one in codes])


def _unforeseen(house: House) -> Iterator[str]:
    for log in sorted((house.folder / "logs").iterdir()):
        for number, line in enumerate(log.read_text().splitlines(), start=1):
            if _FAULTS.search(line):
                yield f"{log.name}:{number}: {line[:300]}"


def counted(house: House) -> list[str]:
    """What there is to judge by."""
    reader, engine = Reader(house), at_engine(house.servers["engine"])
    try:
        return [
            f"the engine lost sight of {len(_lost(house, engine))} containers that go on",
            f"operations: {reader.counted('/operations', 'kind', 'status')}",
            f"services at the end: {reader.counted('/services', 'status')}",
        ]
    finally:
        reader.close()
        engine.close()


def _lost(house: House, engine: DockerClient) -> set[str]:
    return house.servers["engine"].lost([one["Id"] for one in engine.api.containers(all=True)])


def tails(house: House, lines: int = 400) -> Path:
    """Writes the ends of all logs beside each other, for whoever looks into a finding; answers where."""
    place = house.folder / "tails"
    place.mkdir(exist_ok=True)
    logs = [*(house.folder / "logs").iterdir(), *(server.log for server in house.servers.values())]
    for log in filter(Path.exists, logs):
        kept = log.read_text(errors="replace").splitlines()[-lines:]
        (place / f"{log.parent.name}-{log.name}").write_text("\n".join(kept) + "\n")
    return place
