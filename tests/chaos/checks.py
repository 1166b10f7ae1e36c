"""The checks after a run: statements that must be true when all parts run again."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from docker import DockerClient

from domain.ports import Ports
from tests.chaos import consistency, event_delivery, request_effects
from tests.chaos.check_result import CheckResult
from tests.chaos.client import RequestLog
from tests.chaos.monitor import EngineMonitor
from tests.chaos.panel_reader import PanelReader, open_ports
from tests.chaos.parts import Cluster
from tests.chaos.servers import connect_engine
from tests.chaos.watchers import Watchers

_OPERATIONS_TIMEOUT = 60.0  # seconds until all operations have finished
_CLEANUP_TIMEOUT = 45.0  # until the next garbage collection, every 30 seconds, is over
_UNFINISHED = {
    "operations": ("queued", "running"),
    "deployments": (
        *("queued", "fetching", "building", "pulling", "creating", "starting", "checking", "routing", "cleaning"),
    ),
}
_ERROR_PATTERN = re.compile(r"Traceback|unforeseen|unexpectedly")
_EXPECTED_CODES = frozenset({1000, 1001, 1006})


@dataclass(frozen=True)
class RunRecord:
    """What a run recorded."""

    cluster: Cluster
    request_log: RequestLog
    watchers: Watchers
    monitor: EngineMonitor


def run_checks(record: RunRecord) -> Iterator[CheckResult]:
    """Run the checks and yield each result."""
    reader, engine = PanelReader(record.cluster), connect_engine(record.cluster.servers["engine"])
    try:
        yield from _check_requests(record)
        yield from _check_finished(reader)
        with open_ports(record.cluster) as ports:
            yield from _check_consistency(record, ports, engine)
            yield from _check_volumes(record, ports, engine)
        yield from _check_effects(record, reader)
        yield from _check_delivery(record, reader)
        yield _check("no log contains an unexpected error", _unexpected_errors(record.cluster))
    finally:
        reader.close()
        engine.close()


def _check(statement: str, problems: Iterable[str]) -> CheckResult:
    return CheckResult(statement, tuple(problems))


def _wait_for(statement: str, find: Callable[[], Iterable[str]], seconds: float) -> CheckResult:
    """Repeat a check until it passes, or for so many seconds."""
    deadline = time.monotonic() + seconds
    while (problems := tuple(find())) and time.monotonic() < deadline:
        time.sleep(1)
    return CheckResult(statement, problems)


def _check_requests(record: RunRecord) -> Iterator[CheckResult]:
    requests = list(record.request_log.requests)
    yield _check("every request was completed", [request.summary for request in requests if not request.status])
    yield _check(
        "no response had status 500", [request.summary for request in requests if request.failed_attempts[500]]
    )
    yield _check("every create request created a service", request_effects.failed_creates(record.request_log))


def _check_finished(reader: PanelReader) -> Iterator[CheckResult]:
    for noun, statuses in _UNFINISHED.items():

        def unfinished(noun: str = noun, statuses: tuple[str, ...] = statuses) -> list[str]:
            return [
                f"{item['id']} is {item['status']}"
                for status in statuses
                for item in reader.all(f"/{noun}", status=status)
            ]

        yield _wait_for(f"all {noun} have finished within a minute", unfinished, _OPERATIONS_TIMEOUT)
    failures = [(operation["id"], operation["failure"] or {}) for operation in reader.all("/operations")]
    internal = [operation for operation, failure in failures if failure.get("code") == "internal_error"]
    yield _check("no operation failed with internal_error", internal)


def _check_consistency(record: RunRecord, ports: Ports, engine: DockerClient) -> Iterator[CheckResult]:
    data = record.cluster.folder / "data"
    for statement, find in (
        ("running services run exactly the containers of their live deployment", consistency.running_mismatches),
        ("stopped and failed services do not run, and no service is left deploying", consistency.stopped_mismatches),
        ("no container, network, volume or route is orphaned", consistency.orphans),
        ("running services respond at their URL", consistency.wrong_responses),
    ):
        yield _wait_for(statement, partial(_find_problems, find, ports, engine, data), _CLEANUP_TIMEOUT)


def _check_volumes(record: RunRecord, ports: Ports, engine: DockerClient) -> Iterator[CheckResult]:
    now = consistency.read_state(ports, engine, record.cluster.folder / "data")
    writes = consistency.concurrent_writes(now, _untracked_containers(record.cluster, engine))
    yield _check("no volume was written to by two containers at once", writes)
    yield _check("no volume was mounted by two running containers", sorted(record.monitor.shared_volumes))
    yield _check("no more than two versions of a service ran at once", map(str, record.monitor.extra_versions.items()))
    yield _check(
        "no service is lost, and no deleted service exists",
        request_effects.lost_services(record.request_log, {row.id for row in now.rows}),
    )


def _find_problems(
    find: Callable[[consistency.State], Iterable[str]], ports: Ports, engine: DockerClient, data: Path
) -> Iterable[str]:
    return find(consistency.read_state(ports, engine, data))


def _check_effects(record: RunRecord, reader: PanelReader) -> Iterator[CheckResult]:
    request_log, events, operations = record.request_log, reader.events(), reader.all("/operations")
    yield _check(
        "services in events and responses are the same", request_effects.service_mismatches(request_log, events)
    )
    yield _check("each request created one operation", request_effects.operation_mismatches(request_log, operations))
    yield _check("each request created one deployment", request_effects.deployment_mismatches(request_log, events))
    endpoint = (record.cluster.api_ports, record.cluster.key)
    yield _check("repeated requests get the same response", request_effects.replay_mismatches(request_log, endpoint))


def _check_delivery(record: RunRecord, reader: PanelReader) -> Iterator[CheckResult]:
    watchers = record.watchers.all
    keys = {watcher.key for watcher in watchers}
    yield _check("events are numbered without a gap", event_delivery.sequence_gaps(reader.events()))

    def delivery_errors() -> list[str]:
        events = {key: reader.events(key) for key in keys}
        return [error for watcher in watchers if (error := event_delivery.delivery_error(watcher, events[watcher.key]))]

    yield _wait_for("every watcher received all its events, once and in order", delivery_errors, 15)
    failed_attempts = {status for watcher in watchers for status in watcher.failed_attempts} - {0, 503}
    codes = {code for watcher in watchers for code in watcher.closed} - _EXPECTED_CODES
    yield _check(
        "no watcher was rejected",
        [f"status {status}" for status in failed_attempts] + [f"code {code}" for code in codes],
    )


def _unexpected_errors(cluster: Cluster) -> Iterator[str]:
    for log in sorted((cluster.folder / "logs").iterdir()):
        for number, line in enumerate(log.read_text().splitlines(), start=1):
            if _ERROR_PATTERN.search(line):
                yield f"{log.name}:{number}: {line[:300]}"


def statistics(cluster: Cluster) -> list[str]:
    """Return lines about containers, operations and services at the end."""
    reader, engine = PanelReader(cluster), connect_engine(cluster.servers["engine"])
    try:
        return [
            f"{len(_untracked_containers(cluster, engine))} running containers are unknown to the engine",
            f"operations: {reader.count_by('/operations', 'kind', 'status')}",
            f"services at the end: {reader.count_by('/services', 'status')}",
        ]
    finally:
        reader.close()
        engine.close()


def _untracked_containers(cluster: Cluster, engine: DockerClient) -> set[str]:
    return cluster.servers["engine"].untracked_containers(
        [container["Id"] for container in engine.api.containers(all=True)]
    )


def save_log_tails(cluster: Cluster, lines: int = 400) -> Path:
    """Copy the last lines of all logs to one folder and return its path."""
    folder = cluster.folder / "tails"
    folder.mkdir(exist_ok=True)
    logs = [*(cluster.folder / "logs").iterdir(), *(server.log for server in cluster.servers.values())]
    for log in filter(Path.exists, logs):
        kept = log.read_text(errors="refolder").splitlines()[-lines:]
        (folder / f"{log.parent.name}-{log.name}").write_text("\n".join(kept) + "\n")
    return folder
