"""Whether the database, the engine and the routes say the same of every service."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx
from docker import DockerClient

from domain.ports import Ports
from tests.chaos.reading import Row, rows

_VISITS = 4  # each a connection of its own, so that both workers are met


@dataclass(frozen=True)
class Thing:
    """A container or a network at the engine, and whose it is; `runs` is false for networks."""

    name: str
    service: str
    deployment: str
    runs: bool = False


@dataclass(frozen=True)
class State:
    """Both sides at one moment."""

    rows: list[Row]
    containers: list[Thing]
    networks: list[Thing]
    volumes: dict[str, str]
    routes: set[str]

    def of(self, row: Row, *, running: bool = False) -> set[str]:
        """The names of a service's containers, or of those that run."""
        return {one.name for one in self.containers if one.service == row.id and (one.runs or not running)}


def state(ports: Ports, engine: DockerClient, data: Path) -> State:
    """The engine is asked first: what a deployment makes is claimed by its row before it exists."""
    ours = {"label": f"panel.instance={ports.instance}"}
    containers = [
        Thing(one["Names"][0].removeprefix("/"), *_whose(one["Labels"]), runs=one["State"] == "running")
        for one in engine.api.containers(all=True, filters=ours)
    ]
    networks = [Thing(one["Name"], *_whose(one["Labels"])) for one in engine.api.networks(filters=ours)]
    volumes = engine.api.volumes(filters=ours)["Volumes"] or ()
    routes = {route.stem for route in (data / "routes").glob("svc_*.json")}
    return State(
        rows(ports), containers, networks, {one["Name"]: one["Labels"]["panel.service"] for one in volumes}, routes
    )


def _whose(labels: dict[str, str]) -> tuple[str, str]:
    return labels.get("panel.service", ""), labels.get("panel.deployment", "")


def running_wrong(now: State) -> Iterator[str]:
    """Services that say running: exactly the containers of their live deployment run."""
    for row in now.rows:
        runs = now.of(row, running=True)
        if row.status == "running" and runs != row.containers:
            yield f"{row.id}: {sorted(runs)} run, its live deployment {row.live} has {sorted(row.containers)}"


def resting_wrong(now: State) -> Iterator[str]:
    """Stopped ones have none running; failed ones not all; and nothing is being deployed any more."""
    for row in now.rows:
        runs = now.of(row, running=True)
        if row.status == "stopped" and runs:
            yield f"{row.id} is stopped: {sorted(runs)} run"
        if row.status == "failed" and row.live and runs == row.containers:
            yield f"{row.id} is failed: all of its containers run"
        if row.status == "deploying":
            yield f"{row.id} is deploying, and nobody works on it"


def orphans(now: State) -> Iterator[str]:
    """What carries our label and no row claims."""
    live = {(row.id, row.live) for row in now.rows if row.live}
    ids = {row.id for row in now.rows}
    for one in (*now.containers, *now.networks):
        if (one.service, one.deployment) not in live:
            yield f"{one.name} of {one.deployment}"
    yield from (f"volume {name}" for name, service in now.volumes.items() if service not in ids)
    yield from (f"route of {service}" for service in now.routes - {service for service, _ in live})


def unanswered(now: State) -> Iterator[str]:
    """Running services whose URL does not show the page of their image."""
    for row in now.rows:
        if row.status == "running":
            wrong = {said for said in (_said(row.url or "") for _ in range(_VISITS)) if said.strip() != row.image}
            if wrong:
                yield f"{row.id} at {row.url} says {sorted(wrong)}, not {row.image}"


def alternating(now: State, lost: Collection[str]) -> Iterator[str]:
    """Volumes that two containers wrote to at the same time: words of one run between words of another.

    What containers wrote that the engine has lost is left out.
    """
    ghosts = {container[:12] for container in lost}
    for row in now.rows:
        if row.status == "running" and "writer" in row.image:
            words = [word for word in _said(f"{row.url}/beats").split() if word.partition("-")[0] not in ghosts]
            runs = [word for word, _ in groupby(words)]
            if len(set(runs)) != len(runs):
                yield f"{row.id}: {runs}"


def _said(url: str) -> str:
    try:
        return httpx.get(url, timeout=5).text
    except (httpx.TransportError, httpx.UnsupportedProtocol) as fault:
        return repr(fault)
