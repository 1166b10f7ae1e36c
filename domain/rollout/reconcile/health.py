"""The health of a service: what its containers' healthchecks say, and whether its HTTP check succeeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.model.service import Health, ServiceStatus
from domain.ports import Ports
from domain.ports.runtime import Container
from domain.rollout.release import ROLE, Release

_EVERY = timedelta(seconds=10)
_LOOP = 2  # restarts: one alone may be an accident
_RECOVERED_AFTER = timedelta(minutes=1)


def status(release: Release, containers: Mapping[str, Container], now: datetime) -> ServiceStatus:
    """Return a service's status: `failed` if a container does not run that should, `stopped` if all have completed.

    A container that the engine has restarted several times counts as failed until it has run for a minute, so that a
    crash loop does not look healthy in between.
    """
    seen = [(spec, containers.get(spec.name)) for spec in release.containers()]
    if all(release.has_completed(spec, container) for spec, container in seen):
        return ServiceStatus.STOPPED
    runs = all(_runs(container, now) or release.has_completed(spec, container) for spec, container in seen)
    return ServiceStatus.RUNNING if runs else ServiceStatus.FAILED


def _runs(container: Container | None, now: datetime) -> bool:
    if container is None or container.state != "running":
        return False
    loops = container.restarts >= _LOOP and container.started_at is not None
    return not (loops and container.started_at and now - container.started_at < _RECOVERED_AFTER)


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
    """Return the health after an observation, with the restarts of before.

    `own` is the containers' own health; `probed` is the result of the HTTP check, None if there is no new one. A
    failure counts once for each interval, or when it is new.
    """
    status = own if own != "healthy" or probed is None else ("healthy" if probed else "unhealthy")
    due = before.last_check is None or now - before.last_check >= every
    if status == before.status and not due:
        return before
    return replace(before, status=status, last_check=now, consecutive_failures=_failures(before, status))


def _failures(before: Health, status: str) -> int:
    return before.consecutive_failures + 1 if status == "unhealthy" else 0
