"""Poll the engine twice a second, and record when a service runs too many versions."""

import time
from collections import defaultdict
from contextlib import suppress
from threading import Event, Thread

import requests
from docker import APIClient
from docker.errors import DockerException

_LABEL = "panel.instance"
_INTERVAL = 0.5
_MAX_VERSIONS = 2  # the old and the new
_TOLERANCE = 45.0  # seconds until garbage collection removes what remained when the engine was unavailable


class EngineMonitor:
    """`extra_versions` are services that ran three versions for long; `shared_volumes` had two running containers."""

    def __init__(self, docker_host: str) -> None:
        self._client = APIClient(docker_host, version="auto", timeout=5)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="monitor", daemon=True)
        self._since: dict[str, float] = {}
        self.extra_versions: dict[str, float] = {}
        self.shared_volumes: set[str] = set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL):
            with suppress(DockerException, requests.RequestException, OSError):
                self._check(self._client.containers(filters={"label": _LABEL, "status": "running"}))

    def _check(self, running: list[dict]) -> None:  # type: ignore[type-arg]  # the type of the Docker client
        versions: defaultdict[str, set[str]] = defaultdict(set)
        holders: defaultdict[str, set[str]] = defaultdict(set)
        for container in running:
            versions[container["Labels"]["panel.service"]].add(container["Labels"]["panel.deployment"])
            for mount in container["Mounts"]:
                holders[mount.get("Name", "")].add(container["Names"][0])
        self._record_versions(
            {service for service, deployments in versions.items() if len(deployments) > _MAX_VERSIONS}
        )
        self.shared_volumes |= {
            f"{volume}: {sorted(names)}" for volume, names in holders.items() if volume and len(names) > 1
        }

    def _record_versions(self, services: set[str]) -> None:
        now = time.monotonic()
        self._since = {service: self._since.get(service, now) for service in services}
        for service, since in self._since.items():
            if now - since > _TOLERANCE:
                self.extra_versions[service] = now - since
