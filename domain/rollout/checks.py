"""When a container counts as healthy, and waiting until it does."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from domain.errors import Unavailable
from domain.model.project import Condition
from domain.ports import Ports
from domain.ports.runtime import Container, ContainerSpec, EngineRefused
from domain.rollout.release import Release
from domain.work.progress import Report, TaskFailed

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_GRACE = timedelta(seconds=1)
_LAST_LINES = 20
_CONNECT_TIMEOUT = 1.0


class Checks:
    """Looks at the containers of a release until they are as they should be, or never will be.

    All its waiting together has the release's time. `restarts` is how often containers had been restarted before.
    """

    def __init__(
        self, ports: Ports, release: Release, report: Report, restarts: Mapping[str, int] | None = None
    ) -> None:
        self._ports = ports
        self._release = release
        self._report = report
        self._restarts = restarts or {}
        self._deadline = ports.clock.now() + timedelta(seconds=release.timeout)
        self._running_since: dict[str, datetime] = {}

    def wait_for(self, name: str, condition: Condition) -> None:
        """Return when all replicas of a component meet a condition of `depends_on`."""
        component = self._release.project.component(name)
        for container in self._release.replicas(component) if component else ():
            self._until(container, self._judge(condition))

    def wait_for_all(self) -> None:
        """Return when every container is healthy, or has ended well where it is waited for to end."""
        containers = list(self._release.containers())
        for container in (*containers, *containers[:-1]):  # again: an early one may have failed while others took long
            self._until(container, self._completed if self._release.ends(container.component) else self._healthy)

    def wait_for_container(self, container: ContainerSpec) -> None:
        """Return when this one is healthy."""
        self._until(container, self._healthy)

    def _judge(self, condition: Condition) -> Callable[[ContainerSpec, Container], bool]:
        if condition == "service_healthy":
            return self._healthy
        return self._completed if condition == "service_completed_successfully" else self._started

    def _until(self, container: ContainerSpec, judge: Callable[[ContainerSpec, Container], bool]) -> None:
        pause = _FIRST_PAUSE
        while not judge(container, self._seen(container)):
            self._report.check()
            if self._ports.clock.now() >= self._deadline:
                raise self._broken(container, "timed_out", f"was not ready within {self._release.timeout} seconds")
            self._ports.clock.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _seen(self, container: ContainerSpec) -> Container:
        seen = self._ports.runtime.inspect(container.name)
        if seen is None:
            raise self._broken(container, "container_exited", "was removed behind the panel's back")
        return seen

    def _started(self, container: ContainerSpec, seen: Container) -> bool:
        if self._release.ends(container.component) and seen.state == "exited":
            return self._completed(container, seen)
        self._must_not_have_ended(container, seen)
        return seen.state == "running"

    def _completed(self, container: ContainerSpec, seen: Container) -> bool:
        if seen.state == "exited" and seen.exit_code != 0:
            raise self._broken(container, "dependency_failed", f"ended with {seen.exit_code}")
        return seen.state == "exited"

    def _healthy(self, container: ContainerSpec, seen: Container) -> bool:
        self._must_not_have_ended(container, seen)
        if seen.health == "unhealthy":
            raise self._broken(container, "unhealthy", "is unhealthy by its own healthcheck")
        return seen.state == "running" and seen.health in (None, "healthy") and self._reachable(container, seen)

    def _must_not_have_ended(self, container: ContainerSpec, seen: Container) -> None:
        if seen.state == "exited":
            raise self._broken(container, "container_exited", f"ended with {seen.exit_code} while starting")
        if seen.restarts > self._restarts.get(container.name, 0):
            raise self._broken(container, "container_exited", "ended and was started again while starting")

    def _reachable(self, container: ContainerSpec, seen: Container) -> bool:
        check, front = self._release.health_check, self._release.front
        if check and front and front[0].name == container.component.name:
            return self._ports.prober.probe_http(seen.target(check.port or front[1]), check.path, check.timeout)
        if seen.health == "healthy":
            return True
        if container.component.expose:
            port = front[1] if front and front[0].name == container.component.name else container.component.expose[0]
            return self._ports.prober.probe_tcp(seen.target(port), _CONNECT_TIMEOUT)
        since = self._running_since.setdefault(container.name, self._ports.clock.now())
        return self._ports.clock.now() - since >= _GRACE

    def _broken(self, container: ContainerSpec, code: str, what: str) -> TaskFailed:
        log: list[str] = []
        with suppress(Unavailable, EngineRefused):  # what is wrong is known, with its log or without
            log = self._ports.runtime.logs(container.name, _LAST_LINES)
        return TaskFailed(code, f"{container.component.name} {what}", [self._report.redacted(line) for line in log])
