"""Read the final state: complete lists from the API, and rows from the database."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from domain import settings
from domain.ports import Ports
from domain.ports.repository import Query
from domain.rollout.release import build_release
from handlers.program import wiring
from tests.chaos.parts import Cluster

Json = dict[str, Any]


class PanelReader:
    """Reads the API as an admin."""

    def __init__(self, cluster: Cluster) -> None:
        self._client = httpx.Client(timeout=30)
        self._cluster = cluster

    def get(self, path: str, *, api: int = 0, key: str = "", **parameters: Any) -> httpx.Response:
        """Return the response of any status."""
        url = f"http://127.0.0.1:{self._cluster.api_ports[api]}/api{path}"
        headers = {"Authorization": f"Bearer {key or self._cluster.key}"}
        return self._client.get(url, params=parameters, headers=headers)

    def all(self, path: str, **parameters: Any) -> list[Json]:
        """Return all pages of a list."""
        items: list[Json] = []
        for page in itertools.count(1):
            answer = self.get(path, page=page, per_page=100, sort="created_at", order="asc", **parameters).json()
            items += answer["data"]
            if not answer["has_more"]:
                break
        return items

    def count_by(self, path: str, *fields: str) -> str:
        """Return how many items of a list have each combination of fields."""
        counts = Counter(" ".join(str(item[field]) for field in fields) for item in self.all(path))
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))

    def events(self, key: str = "") -> list[Json]:
        """Return all events that the key can see, in order."""
        items: list[Json] = []
        after, latest = 0, 1
        while after < latest:
            answer = self.get("/events", key=key, after=after, limit=1000).json()
            items += answer["data"]
            after, latest = answer["next_after"], answer["latest"]
        return items

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass(frozen=True)
class Row:
    """A service in the database; `containers` are the names of its live deployment's containers.

    `kept` is the deployment whose stopped containers are kept while the live one is watched.
    """

    id: str
    status: str
    live: str | None
    url: str | None
    image: str
    containers: frozenset[str]
    kept: str | None


@contextmanager
def open_ports(cluster: Cluster) -> Iterator[Ports]:
    """Open the ports as a process of the panel does."""
    ports = wiring.open_ports(settings.read(cluster.settings()))
    try:
        yield ports
    finally:
        ports.notifier.close()
        ports.store.close()


def read_rows(ports: Ports) -> list[Row]:
    """Return all services."""
    with ports.store.read() as work:
        services = work.services.page(Query(per_page=1000)).items
        lives = [work.deployments.get(service.live_deployment_id or "") for service in services]
    return [_row(ports, service, live) for service, live in zip(services, lives, strict=True)]


def _row(ports: Ports, service: Any, live: Any) -> Row:
    release = build_release(ports, service, live) if live else None
    names = frozenset(container.name for container in release.containers()) if release else frozenset()
    image = release.project.components[0].image if release else ""
    kept = service.watch.previous_id if service.watch else None
    return Row(service.id, str(service.status), live and live.id, service.url, image, names, kept)
