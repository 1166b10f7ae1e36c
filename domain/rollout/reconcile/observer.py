"""Comparing what should run with what the engine says, and writing what differs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from domain import runtime
from domain.errors import Refusal, Unavailable
from domain.model.sample import Sample
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.ports import Ports
from domain.ports.runtime import Container
from domain.rollout.reconcile import health
from domain.rollout.reconcile.background import Aside
from domain.rollout.release import INSTANCE, SERVICE, Release, release_of, resolved

_SAMPLE_EVERY = timedelta(seconds=10)
_SAMPLE_OVER = 8.0  # seconds: others may have looked meanwhile, and what was taken before that counts too
_UNKNOWN_AFTER = timedelta(seconds=10)
_WAIT = 0.5
_THREADS = 16
_MEASURING = 64  # old engines take up to a second for each answer
_AT_ONCE = 200


@dataclass
class Watch:
    """What one observer remembers between looks, and the questions that it is still waiting for an answer to."""

    releases: dict[str, Release] = field(default_factory=dict)
    probes: Aside[bool] = field(default_factory=lambda: Aside(_THREADS))
    samples: Aside[Sample | None] = field(default_factory=lambda: Aside(_MEASURING))
    away_since: datetime | None = None

    def close(self) -> None:
        """Ask nothing more."""
        self.probes.close()
        self.samples.close()


@dataclass(frozen=True)
class Look:
    """What one look found of one service."""

    service: Service
    release: Release
    runs: bool
    found: tuple[Container, ...]

    @property
    def own(self) -> str:
        """What the containers say of themselves."""
        return health.said(self.found, runs=self.runs)


def observe(ports: Ports, watch: Watch) -> None:
    """Compare every service that should run with the engine, and write what differs. One list call for all of them.

    While the engine is away nothing is known: statuses stay as they were last seen, and health becomes `unknown`.
    """
    with ports.store.read() as work:
        services = work.services.wanted_running()
    try:
        containers = _by_service(ports.runtime.containers({INSTANCE: ports.instance}))
        watch.away_since = None
    except Unavailable:
        _say_unknown(ports, watch, services)
        raise
    looks = list(_looks(ports, watch, services, containers))
    for look in looks:
        with suppress(Unavailable):  # one route that cannot be written must not keep the others from being followed
            _follow_addresses(ports, look)
    now = ports.clock.now()
    for look in looks:
        _ask(ports, watch, look, now)
    answered, samples = watch.probes.answers(_WAIT), watch.samples.answers(_WAIT)
    _write(ports, [(look.service, _judged(look, now, answered, samples)) for look in looks])
    _keep(ports, [sample for sample in samples.values() if sample])
    _forget(watch, services)


def _by_service(containers: list[Container]) -> defaultdict[str, dict[str, Container]]:
    grouped: defaultdict[str, dict[str, Container]] = defaultdict(dict)
    for container in containers:
        grouped[container.labels.get(SERVICE, "")][container.name] = container
    return grouped


def _say_unknown(ports: Ports, watch: Watch, services: list[Service]) -> None:
    now = ports.clock.now()
    watch.away_since = watch.away_since or now
    if now - watch.away_since >= _UNKNOWN_AFTER:
        _write(ports, [(one, replace(one, health=replace(one.health, status="unknown"))) for one in services])


def _looks(
    ports: Ports, watch: Watch, services: list[Service], containers: defaultdict[str, dict[str, Container]]
) -> Iterator[Look]:
    _read_releases(ports, watch, services)
    for service in services:
        release, seen = watch.releases.get(service.live_deployment_id or ""), containers[service.id]
        if release is not None:
            expected = (seen.get(spec.name) for spec in release.containers())
            found = tuple(one for one in expected if one is not None and one.state == "running")
            yield Look(service, release, health.running(release, seen), found)


def _read_releases(ports: Ports, watch: Watch, services: list[Service]) -> None:
    unread = [one for one in services if one.live_deployment_id not in watch.releases]
    if not unread:
        return
    with ports.store.read() as work:
        live = [(service, work.deployments.get(service.live_deployment_id or "")) for service in unread]
    for service, deployment in live:
        with suppress(Refusal):  # what cannot be read now, because a key is missing or so, is tried again
            if deployment is not None:
                watch.releases[deployment.id] = resolved(ports, release_of(ports, service, deployment))


def _follow_addresses(ports: Ports, look: Look) -> None:
    """A container that the engine started again may have another address."""
    service, front = look.service, look.release.front
    if front is None:
        return
    now = {target for one in health.visited(look.release, look.found) if (target := one.target(front[1]))}
    if not now or now == set(ports.router.targets(service.id)) or not _at_rest(ports, service):
        return
    url = ports.router.switch(service.id, look.release.service_name, sorted(now, key=lambda one: one.host))
    if url != service.url:
        _write_url(ports, service, url)


def _at_rest(ports: Ports, service: Service) -> bool:
    """Whether nothing was done to the service since it was read: work that has begun moves visitors by itself."""
    with ports.store.read() as work:
        current = work.services.get(service.id)
    return current is not None and current.revision == service.revision


def _write_url(ports: Ports, service: Service, url: str) -> None:
    with ports.store.begin() as work:
        current = work.services.get(service.id)
        if current is not None and current.revision == service.revision:
            current.url = url
            work.services.save(current)


def _ask(ports: Ports, watch: Watch, look: Look, now: datetime) -> None:
    service, release, found = look.service, look.release, look.found
    if release.health_check and look.own == "healthy":
        fronts = health.visited(release, found)
        question = lambda: health.answers(ports, release, fronts)  # noqa: E731
        watch.probes.ask(service.id, now, health.interval(release), question)
    if found:
        names = [one.name for one in found]
        measure = lambda: runtime.measured(ports, service.id, names, over=_SAMPLE_OVER)  # noqa: E731
        watch.samples.ask(service.id, _slot(now), _SAMPLE_EVERY, measure)


def _slot(now: datetime) -> datetime:
    """Samples are taken at whole multiples of their distance: then no slot has two of them, and none is left out."""
    every = _SAMPLE_EVERY.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // every * every, UTC)


def _judged(look: Look, now: datetime, answered: Mapping[str, bool], samples: Mapping[str, Sample | None]) -> Service:
    """The service as it should be written. A slow answer is taken into account at the look after it came."""
    service, known, sample = look.service, answered.get(look.service.id), samples.get(look.service.id)
    usage = replace(service.usage, cpu=sample.cpu, memory_mb=sample.memory_mb) if sample else service.usage
    after = replace(
        service,
        status=ServiceStatus.RUNNING if look.runs else ServiceStatus.FAILED,
        usage=usage if look.found else Usage(storage_mb=service.usage.storage_mb),
    )
    if look.release.health_check is None or look.own != "healthy" or known is not None:
        after.health = health.judged(service.health, look.own, known, now, health.interval(look.release))
    return after


def _keep(ports: Ports, samples: Sequence[Sample]) -> None:
    if samples:
        with ports.store.begin() as work:
            work.samples.add(samples)


def _write(ports: Ports, services: Sequence[tuple[Service, Service]]) -> None:
    """Only what differs, and only where nothing else was written meanwhile: work that began since knows better."""
    changed = [(before, after) for before, after in services if _seen(before) != _seen(after)]
    for first in range(0, len(changed), _AT_ONCE):
        with ports.store.begin() as work:
            for before, after in changed[first : first + _AT_ONCE]:
                current = work.services.get(before.id)
                if current is not None and current.revision == before.revision:
                    work.services.observe(before.id, after.status, after.health, after.usage)


def _seen(service: Service) -> tuple[ServiceStatus, Health, Usage]:
    return service.status, service.health, service.usage


def _forget(watch: Watch, services: list[Service]) -> None:
    live = {service.live_deployment_id for service in services}
    watch.releases = {key: release for key, release in watch.releases.items() if key in live}
    ids = {service.id for service in services}
    watch.probes.keep(ids)
    watch.samples.keep(ids)
