"""Looks at the engine twice a second, and notes when more of one service runs than a hand-over takes."""

import time
from collections import defaultdict
from contextlib import suppress
from threading import Event, Thread

import requests
from docker import APIClient
from docker.errors import DockerException

_OURS = "panel.instance"
_EVERY = 0.5
_MOST = 2  # versions: the old and the new
_LONGEST = 45.0  # seconds for what could not be undone while the engine was away: the sweeper's round, and some


class Lookout:
    """`crowds` are services of which three versions ran for long; `writers` are volumes that two containers had."""

    def __init__(self, docker_host: str) -> None:
        self._client = APIClient(docker_host, version="auto", timeout=5)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="lookout", daemon=True)
        self._since: dict[str, float] = {}
        self.crowds: dict[str, float] = {}
        self.writers: set[str] = set()
        self.looks = 0

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when nobody looks any more."""
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY):
            with suppress(DockerException, requests.RequestException, OSError):
                self._look(self._client.containers(filters={"label": _OURS, "status": "running"}))

    def _look(self, running: list[dict]) -> None:  # type: ignore[type-arg]  # Docker's own
        self.looks += 1
        versions: defaultdict[str, set[str]] = defaultdict(set)
        holders: defaultdict[str, set[str]] = defaultdict(set)
        for container in running:
            versions[container["Labels"]["panel.service"]].add(container["Labels"]["panel.deployment"])
            for mount in container["Mounts"]:
                holders[mount.get("Name", "")].add(container["Names"][0])
        self._note_crowds({service for service, found in versions.items() if len(found) > _MOST})
        self.writers |= {f"{volume}: {sorted(names)}" for volume, names in holders.items() if volume and len(names) > 1}

    def _note_crowds(self, crowded: set[str]) -> None:
        now = time.monotonic()
        self._since = {service: self._since.get(service, now) for service in crowded}
        for service, since in self._since.items():
            if now - since > _LONGEST:
                self.crowds[service] = now - since
