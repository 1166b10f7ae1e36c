"""What the panel says when everything is calm: lists read to their end, and rows as they stand in the database."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from domain import settings
from domain.ports import Ports
from domain.ports.store import Query
from domain.rollout.release import build_release
from handlers.program import wiring
from tests.chaos.parts import House

Json = dict[str, Any]


class Reader:
    """Reads as an admin."""

    def __init__(self, house: House) -> None:
        self._client = httpx.Client(timeout=30)
        self._house = house

    def get(self, path: str, *, door: int = 0, key: str = "", **parameters: Any) -> httpx.Response:
        """One answer, whatever it is."""
        url = f"http://127.0.0.1:{self._house.doors[door]}/api{path}"
        headers = {"Authorization": f"Bearer {key or self._house.key}"}
        return self._client.get(url, params=parameters, headers=headers)

    def all(self, path: str, **parameters: Any) -> list[Json]:
        """Every page of a list."""
        found: list[Json] = []
        for page in itertools.count(1):
            answer = self.get(path, page=page, per_page=100, sort="created_at", order="asc", **parameters).json()
            found += answer["data"]
            if len(found) >= answer["total"]:
                break
        return found

    def counted(self, path: str, *fields: str) -> str:
        """How many there are of each kind in a list."""
        counts = Counter(" ".join(str(one[field]) for field in fields) for one in self.all(path))
        return ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))

    def events(self, key: str = "") -> list[Json]:
        """Every event that a key may see, by number."""
        found: list[Json] = []
        after, latest = 0, 1
        while after < latest:
            answer = self.get("/events", key=key, after=after, limit=1000).json()
            found += answer["data"]
            after, latest = answer["next_after"], answer["latest"]
        return found

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


@dataclass(frozen=True)
class Row:
    """A service as the database has it; `containers` are those of its live deployment, by name."""

    id: str
    status: str
    live: str | None
    url: str | None
    image: str
    containers: frozenset[str]


@contextmanager
def opened(house: House) -> Iterator[Ports]:
    """The ports as a process of the panel has them."""
    ports = wiring.open_ports(settings.read(house.settings()))
    try:
        yield ports
    finally:
        ports.notifier.close()
        ports.store.close()


def rows(ports: Ports) -> list[Row]:
    """Every service."""
    with ports.store.read() as work:
        services = work.services.page(Query(per_page=1000)).items
        lives = [work.deployments.get(service.live_deployment_id or "") for service in services]
    return [_row(ports, service, live) for service, live in zip(services, lives, strict=True)]


def _row(ports: Ports, service: Any, live: Any) -> Row:
    release = build_release(ports, service, live) if live else None
    names = frozenset(container.name for container in release.containers()) if release else frozenset()
    image = release.project.components[0].image if release else ""
    return Row(service.id, str(service.status), live and live.id, service.url, image, names)
