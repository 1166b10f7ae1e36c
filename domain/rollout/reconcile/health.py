"""How a service does, by what its containers say of themselves and by what it answers from outside."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.model.service import Health
from domain.ports import Ports
from domain.ports.runtime import Container
from domain.rollout.release import ROLE, Release

_EVERY = timedelta(seconds=10)


def running(release: Release, containers: dict[str, Container]) -> bool:
    """Whether everything runs that should; only what is waited for to end may have ended."""
    return all(_as_it_should(release, containers.get(spec.name), spec.component.name) for spec in release.containers())


def _as_it_should(release: Release, seen: Container | None, name: str) -> bool:
    if seen is None:
        return False
    component = release.project.component(name)
    ended_well = component is not None and release.ends(component) and seen.exit_code == 0
    return seen.state == "running" or ended_well


def said(found: Sequence[Container], *, runs: bool) -> str:
    """What the containers say of themselves, the worst first."""
    states = {container.health for container in found}
    if not runs or "unhealthy" in states:
        return "unhealthy"
    return "starting" if "starting" in states else "healthy"


def visited(release: Release, found: Sequence[Container]) -> list[Container]:
    """The containers that visitors reach."""
    return [one for one in found if release.front and one.labels.get(ROLE) == release.front[0].name]


def interval(release: Release) -> timedelta:
    """How often the service's health is checked."""
    return timedelta(seconds=release.health_check.interval) if release.health_check else _EVERY


def answers(ports: Ports, release: Release, containers: Sequence[Container]) -> bool:
    """Whether each of these answers the service's HTTP check."""
    check, front = release.health_check, release.front
    if check is None or front is None:
        return True
    targets = [one.target(check.port or front[1]) for one in containers]
    return all(ports.prober.probe_http(target, check.path, check.timeout) for target in targets)


def judged(before: Health, own: str, answered: bool | None, now: datetime, every: timedelta) -> Health:
    """The health after a look. A failure counts once an interval, or when it is new; `answered` None is no news."""
    status = own if own != "healthy" or answered is None else ("healthy" if answered else "unhealthy")
    due = before.last_check is None or now - before.last_check >= every
    if status == before.status and not due:
        return before
    return Health(status, now, before.consecutive_failures + 1 if status == "unhealthy" else 0)
