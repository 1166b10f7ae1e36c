"""When a container counts as up, and waiting until it does."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from domain.errors import Unavailable
from domain.model.project import Component, Condition
from domain.model.steps import FailureCode
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.progress import Progress
from domain.ports.runtime import Container, EngineRefused
from domain.rollout.release import Release
from domain.work.failures import TaskFailed

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds
_STABLE = 5.0  # seconds
_LAST_LINES = 20
_CONNECT_TIMEOUT = 1.0  # seconds
_MOST_PORTS = 16  # of one component, tried one after the other


class Checks:
    """Find out whether the containers of a release are up; raise TaskFailed if they never will be.

    Each container has the release's timeout, from its own start. `restarts` is how often containers had been restarted
    before.
    """

    def __init__(
        self, ports: Ports, release: Release, progress: Progress, restarts: Mapping[str, int] | None = None
    ) -> None:
        self._ports = ports
        self._release = release
        self._progress = progress
        self._restarts = restarts or {}
        self._started: dict[str, float] = {}
        self._runs: dict[str, tuple[datetime | None, float]] = {}
        self._reached: dict[str, datetime | None] = {}
        self._seen: dict[str, Container] = {}
        self._pause = _FIRST_PAUSE

    @property
    def restart_count(self) -> int:
        """How often the containers had been restarted when they were last seen."""
        return sum(seen.restarts for seen in self._seen.values())

    @property
    def all_completed(self) -> bool:
        """Whether every container had done its work when it was last seen, so that nothing of the release runs."""
        completed = self._release.has_completed
        return all(completed(container, self._seen.get(container.name)) for container in self._release.containers())

    def begin(self, container: ContainerSpec) -> None:
        """Begin the time that a container has to come up."""
        self._started.setdefault(container.name, self._ports.clock.monotonic())
        self._pause = _FIRST_PAUSE

    def has_begun(self, container: ContainerSpec) -> bool:
        """Return whether `begin` was called for a container."""
        return container.name in self._started

    def may_start(self, component: Component) -> bool:
        """Return whether the conditions of a component's `depends_on` are met."""
        conditions = ((self._release.project.component(name), test) for name, test in component.depends_on.items())
        return all(
            self.has_begun(container) and self._meets(container, condition)
            for other, condition in conditions
            for container in (self._release.replicas(other) if other else ())
        )

    def wait_for_all(self) -> None:
        """Return when every container is up or has completed, all at the same time."""
        self.wait_for(list(self._release.containers()))

    def wait_for(self, containers: Iterable[ContainerSpec]) -> None:
        """Return when these containers are up or have completed, all at the same time."""
        while [
            container for container in containers if not self._is_up(container)
        ]:  # looks at all: any may have failed
            self.pause()

    def pause(self) -> None:
        """Wait a moment before the next look, longer each time."""
        self._progress.check()
        self._ports.clock.sleep(self._pause)
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)

    def _meets(self, container: ContainerSpec, condition: Condition) -> bool:
        if condition == "service_healthy":
            return self._is_up(container)
        seen = self._inspect(container)
        completed = self._release.has_completed(container, seen)
        started = condition == "service_started" and (seen.state == "running" or seen.restarting)
        return completed or started or self._has_time(container, seen)

    def _is_up(self, container: ContainerSpec) -> bool:
        seen = self._inspect(container)
        if self._release.has_completed(container, seen) or self._is_ready(container, seen):
            return True
        return self._has_time(container, seen)

    def _inspect(self, container: ContainerSpec) -> Container:
        seen = self._ports.runtime.inspect(container.name)
        if seen is None:
            raise self._failure(container, "container_exited", "was removed by somebody other than the panel")
        if seen.state == "exited" and not seen.restarting and not self._release.has_completed(container, seen):
            one_shot = self._release.is_one_shot(container.component)
            code: FailureCode = "dependency_failed" if one_shot else "container_exited"
            raise self._failure(container, code, f"exited with code {seen.exit_code} while starting")
        self._seen[container.name] = seen
        return seen

    def _has_time(self, container: ContainerSpec, seen: Container) -> bool:
        """Return False: the container is not ready yet. Raise TaskFailed if its time is over."""
        started = self._started.setdefault(container.name, self._ports.clock.monotonic())
        if self._ports.clock.monotonic() - started < self._release.timeout:
            return False
        late = f"was not ready within {self._release.timeout} seconds"
        restarts = seen.restarts - self._restarts.get(container.name, 0)
        if restarts > 0:
            exited = f", last with exit code {seen.exit_code}" if seen.exit_code is not None else ""
            raise self._failure(container, "container_exited", f"{late}: it has restarted {restarts} times{exited}")
        raise self._failure(container, "timed_out", late + _printed(seen))

    def _is_ready(self, container: ContainerSpec, seen: Container) -> bool:
        if seen.health == "unhealthy":
            raise self._failure(container, "unhealthy", f"is unhealthy by its own healthcheck{_printed(seen)}")
        if seen.state != "running" or seen.health == "starting":
            return False
        if self._reached.get(container.name, ...) == seen.started_at:
            return True
        reached = self._is_reachable(container, seen)
        if reached:
            self._reached[container.name] = seen.started_at
        return reached

    def _is_reachable(self, container: ContainerSpec, seen: Container) -> bool:
        """Return whether the container accepts requests. One that need not listen must have run for five seconds."""
        check, endpoint = self._release.health_check, self._release.public_endpoint
        public = endpoint[1] if endpoint and endpoint[0].name == container.component.name else None
        if check and public:
            return self._ports.prober.probe_http(seen.target(check.port or public), check.path, check.timeout)
        listening = (public,) if public else container.component.expose
        candidates = listening or self._release.image_ports.get(container.component.image, ())
        if seen.health == "healthy" or self._accepts(seen, candidates):
            return True
        return not listening and self._is_stable(container, seen)

    def _accepts(self, seen: Container, ports: Iterable[int]) -> bool:
        probe = self._ports.prober.probe_tcp
        return any(probe(seen.target(port), _CONNECT_TIMEOUT) for port in list(ports)[:_MOST_PORTS])

    def _is_stable(self, container: ContainerSpec, seen: Container) -> bool:
        """Return whether the container has run long enough since it was started or restarted."""
        now = self._ports.clock.monotonic()
        started_at, since = self._runs.get(container.name, (None, now))
        if started_at != seen.started_at:
            since = now
        self._runs[container.name] = (seen.started_at, since)
        return now - since >= _STABLE

    def _failure(self, container: ContainerSpec, code: FailureCode, what: str) -> TaskFailed:
        log: list[str] = []
        with suppress(Unavailable, EngineRefused):  # what is wrong is known, with the container's log or without
            log = self._ports.runtime.logs(container.name, _LAST_LINES)
        return TaskFailed(code, f"{container.component.name} {what}", [self._progress.redact(line) for line in log])


def _printed(seen: Container) -> str:
    return f". The check printed: {seen.health_output}" if seen.health_output else ""
