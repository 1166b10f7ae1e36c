"""The health of a service: what its containers' healthchecks say, and whether its HTTP check succeeds."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from domain.model.service import Health
from domain.ports import Ports
from domain.ports.runtime import Container
from domain.rollout.release import ROLE, Release

_EVERY = timedelta(seconds=10)


def all_running(release: Release, containers: Mapping[str, Container]) -> bool:
    """Return whether every container runs; one-shot containers may have exited with code 0."""
    return all(
        _runs_or_completed(release, containers.get(spec.name), spec.component.name) for spec in release.containers()
    )


def _runs_or_completed(release: Release, container: Container | None, name: str) -> bool:
    if container is None:
        return False
    component = release.project.component(name)
    completed = component is not None and release.is_one_shot(component) and container.exit_code == 0
    return container.state == "running" or completed


def container_health(containers: Sequence[Container], *, all_run: bool) -> str:
    """Return the worst health among the containers, as their own healthchecks say."""
    states = {container.health for container in containers}
    if not all_run or "unhealthy" in states:
        return "unhealthy"
    return "starting" if "starting" in states else "healthy"


def public_containers(release: Release, containers: Sequence[Container]) -> list[Container]:
    """Return the containers that requests are routed to."""
    endpoint = release.public_endpoint
    return [container for container in containers if endpoint and container.labels.get(ROLE) == endpoint[0].name]


def interval(release: Release) -> timedelta:
    """Return how often the service's health is checked."""
    return timedelta(seconds=release.health_check.interval) if release.health_check else _EVERY


def probe(ports: Ports, release: Release, containers: Sequence[Container]) -> bool:
    """Return whether the service's HTTP check succeeds for each of these containers."""
    check, endpoint = release.health_check, release.public_endpoint
    if check is None or endpoint is None:
        return True
    targets = [container.target(check.port or endpoint[1]) for container in containers]
    return all(ports.prober.probe_http(target, check.path, check.timeout) for target in targets)


def next_health(before: Health, own: str, probed: bool | None, now: datetime, every: timedelta) -> Health:
    """Return the health after an observation.

    `own` is the containers' own health; `probed` is the result of the HTTP check, None if there is no new one. A
    failure counts once for each interval, or when it is new.
    """
    status = own if own != "healthy" or probed is None else ("healthy" if probed else "unhealthy")
    due = before.last_check is None or now - before.last_check >= every
    if status == before.status and not due:
        return before
    return Health(status, now, before.consecutive_failures + 1 if status == "unhealthy" else 0)
