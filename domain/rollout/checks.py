"""When a container counts as healthy, and waiting until it does."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from domain.errors import Unavailable
from domain.model.project import Condition
from domain.model.steps import FailureCode
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.progress import Progress
from domain.ports.runtime import Container, EngineRefused
from domain.rollout.release import Release
from domain.work.failures import TaskFailed

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds
_GRACE = timedelta(seconds=1)
_LAST_LINES = 20
_CONNECT_TIMEOUT = 1.0  # seconds


class Checks:
    """Wait until the containers of a release are healthy; raise TaskFailed if they never will be.

    All waits together have the release's timeout. `restarts` is how often containers had been restarted before.
    """

    def __init__(
        self, ports: Ports, release: Release, progress: Progress, restarts: Mapping[str, int] | None = None
    ) -> None:
        self._ports = ports
        self._release = release
        self._progress = progress
        self._restarts = restarts or {}
        self._deadline = ports.clock.now() + timedelta(seconds=release.timeout)
        self._running_since: dict[str, datetime] = {}

    def wait_for(self, name: str, condition: Condition) -> None:
        """Return when all replicas of a component meet a condition of `depends_on`."""
        component = self._release.project.component(name)
        for container in self._release.replicas(component) if component else ():
            self._wait_until(container, self._test_for(condition))

    def wait_for_all(self) -> None:
        """Return when every container is healthy, and every one-shot container has completed."""
        containers = list(self._release.containers())
        for container in (*containers, *containers[:-1]):  # twice: an early one may fail while others start slowly
            one_shot = self._release.is_one_shot(container.component)
            self._wait_until(container, self._has_completed if one_shot else self._is_healthy)

    def wait_for_container(self, container: ContainerSpec) -> None:
        """Return when this container is healthy."""
        self._wait_until(container, self._is_healthy)

    def _test_for(self, condition: Condition) -> Callable[[ContainerSpec, Container], bool]:
        if condition == "service_healthy":
            return self._is_healthy
        return self._has_completed if condition == "service_completed_successfully" else self._has_started

    def _wait_until(self, container: ContainerSpec, test: Callable[[ContainerSpec, Container], bool]) -> None:
        pause = _FIRST_PAUSE
        while not test(container, self._inspect(container)):
            self._progress.check()
            if self._ports.clock.now() >= self._deadline:
                raise self._failure(container, "timed_out", f"was not ready within {self._release.timeout} seconds")
            self._ports.clock.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _inspect(self, container: ContainerSpec) -> Container:
        seen = self._ports.runtime.inspect(container.name)
        if seen is None:
            raise self._failure(container, "container_exited", "was removed by somebody other than the panel")
        return seen

    def _has_started(self, container: ContainerSpec, seen: Container) -> bool:
        if self._release.is_one_shot(container.component) and seen.state == "exited":
            return self._has_completed(container, seen)
        self._must_not_have_exited(container, seen)
        return seen.state == "running"

    def _has_completed(self, container: ContainerSpec, seen: Container) -> bool:
        if seen.state == "exited" and seen.exit_code != 0:
            raise self._failure(container, "dependency_failed", f"exited with code {seen.exit_code}")
        return seen.state == "exited"

    def _is_healthy(self, container: ContainerSpec, seen: Container) -> bool:
        self._must_not_have_exited(container, seen)
        if seen.health == "unhealthy":
            raise self._failure(container, "unhealthy", "is unhealthy by its own healthcheck")
        return seen.state == "running" and seen.health in (None, "healthy") and self._is_reachable(container, seen)

    def _must_not_have_exited(self, container: ContainerSpec, seen: Container) -> None:
        if seen.state == "exited":
            raise self._failure(container, "container_exited", f"exited with code {seen.exit_code} while starting")
        if seen.restarts > self._restarts.get(container.name, 0):
            raise self._failure(container, "container_exited", "exited and was restarted while starting")

    def _is_reachable(self, container: ContainerSpec, seen: Container) -> bool:
        """Return whether the container accepts requests; one that listens nowhere must have run for a second."""
        check, endpoint = self._release.health_check, self._release.public_endpoint
        port = endpoint[1] if endpoint and endpoint[0].name == container.component.name else None
        if check and port:
            return self._ports.prober.probe_http(seen.target(check.port or port), check.path, check.timeout)
        if seen.health == "healthy":
            return True
        if container.component.expose:
            target = seen.target(port or container.component.expose[0])
            return self._ports.prober.probe_tcp(target, _CONNECT_TIMEOUT)
        since = self._running_since.setdefault(container.name, self._ports.clock.now())
        return self._ports.clock.now() - since >= _GRACE

    def _failure(self, container: ContainerSpec, code: FailureCode, what: str) -> TaskFailed:
        log: list[str] = []
        with suppress(Unavailable, EngineRefused):  # what is wrong is known, with the container's log or without
            log = self._ports.runtime.logs(container.name, _LAST_LINES)
        return TaskFailed(code, f"{container.component.name} {what}", [self._progress.redact(line) for line in log])
