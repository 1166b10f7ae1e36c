"""Check that database, engine and routes agree about every service."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx
from docker import DockerClient

from domain.ports import Ports
from tests.chaos.panel_reader import Row, read_rows

_PROBES = 4  # each with a new connection, so that both workers serve some


@dataclass(frozen=True)
class EngineObject:
    """A container or a network of the engine with its owner; `runs` is false for networks."""

    name: str
    service: str
    deployment: str
    runs: bool = False


@dataclass(frozen=True)
class State:
    """The database's rows and the engine's objects at one time."""

    rows: list[Row]
    containers: list[EngineObject]
    networks: list[EngineObject]
    volumes: dict[str, str]
    routes: set[str]

    def container_names(self, row: Row, *, running: bool = False) -> set[str]:
        """Return the names of a service's containers, or of its running ones."""
        return {
            container.name
            for container in self.containers
            if container.service == row.id and (container.runs or not running)
        }


def read_state(ports: Ports, engine: DockerClient, data: Path) -> State:
    """Read the engine first: a deployment is in the database before its containers exist."""
    filters = {"label": f"panel.instance={ports.instance}"}
    containers = [
        EngineObject(found["Names"][0].removeprefix("/"), *_owner(found["Labels"]), runs=found["State"] == "running")
        for found in engine.api.containers(all=True, filters=filters)
    ]
    networks = [EngineObject(found["Name"], *_owner(found["Labels"])) for found in engine.api.networks(filters=filters)]
    volumes = engine.api.volumes(filters=filters)["Volumes"] or ()
    routes = {route.stem for route in (data / "routes").glob("svc_*.json")}
    return State(
        read_rows(ports),
        containers,
        networks,
        {volume["Name"]: volume["Labels"]["panel.service"] for volume in volumes},
        routes,
    )


def _owner(labels: dict[str, str]) -> tuple[str, str]:
    return labels.get("panel.service", ""), labels.get("panel.deployment", "")


def running_mismatches(now: State) -> Iterator[str]:
    """Yield running services whose running containers are not those of their live deployment."""
    for row in now.rows:
        runs = now.container_names(row, running=True)
        if row.status == "running" and runs != row.containers:
            yield f"{row.id}: {sorted(runs)} run, its live deployment {row.live} has {sorted(row.containers)}"


def stopped_mismatches(now: State) -> Iterator[str]:
    """Yield stopped services with running containers, failed ones with all running, and those left deploying."""
    for row in now.rows:
        runs = now.container_names(row, running=True)
        if row.status == "stopped" and runs:
            yield f"{row.id} is stopped: {sorted(runs)} run"
        if row.status == "failed" and row.live and runs == row.containers:
            yield f"{row.id} is failed: all of its containers run"
        if row.status == "deploying":
            yield f"{row.id} is deploying without an operation"


def orphans(now: State) -> Iterator[str]:
    """Yield objects with the installation's label that belong to no service."""
    live = {(row.id, row.live) for row in now.rows if row.live}
    kept = {(row.id, row.kept) for row in now.rows if row.kept}
    ids = {row.id for row in now.rows}
    for found in (*now.containers, *now.networks):
        if (found.service, found.deployment) not in live | kept:
            yield f"{found.name} of {found.deployment}"
    yield from (f"volume {name}" for name, service in now.volumes.items() if service not in ids)
    yield from (f"route of {service}" for service in now.routes - {service for service, _ in live})


def wrong_responses(now: State) -> Iterator[str]:
    """Yield running services whose URL does not return the page of their image."""
    for row in now.rows:
        if row.status == "running":
            wrong = {text for text in (_get_text(row.url or "") for _ in range(_PROBES)) if text.strip() != row.image}
            if wrong:
                yield f"{row.id} at {row.url} returns {sorted(wrong)}, not {row.image}"


def concurrent_writes(now: State, lost: Collection[str]) -> Iterator[str]:
    """Yield services with a volume to which two containers wrote at the same time: their words alternate.

    Words of the containers in `lost`, which the engine no longer knows, are ignored.
    """
    ghosts = {container[:12] for container in lost}
    for row in now.rows:
        if row.status == "running" and "writer" in row.image:
            words = [word for word in _get_text(f"{row.url}/beats").split() if word.partition("-")[0] not in ghosts]
            runs = [word for word, _ in groupby(words)]
            if len(set(runs)) != len(runs):
                yield f"{row.id}: {runs}"


def _get_text(url: str) -> str:
    try:
        return httpx.get(url, timeout=5).text
    except (httpx.TransportError, httpx.UnsupportedProtocol) as fault:
        return repr(fault)
