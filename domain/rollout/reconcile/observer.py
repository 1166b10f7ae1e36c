"""Compare the services that should run with what the engine says, and write the differences."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil

from domain.errors import Refusal, Unavailable
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.model.traffic import TrafficReading
from domain.ports import Ports
from domain.ports.runtime import Container
from domain.ports.store import Work
from domain.rollout.reconcile import health
from domain.rollout.reconcile.background_calls import BackgroundCalls
from domain.rollout.reconcile.measuring import Measurement, measure
from domain.rollout.release import INSTANCE, SERVICE, Release, build_release, with_image_ports
from domain.rollout.watch import has_failed, judge

_SAMPLE_EVERY = timedelta(seconds=10)
_SAMPLES_PER_SECOND = 10  # of containers: each costs the panel some milliseconds, and the engine more
_SAMPLE_OVER = 8.0  # seconds: less than the distance of samples, since the metrics operation measures in between
_RECOVERY = timedelta(seconds=15)
_UNKNOWN_AFTER = timedelta(seconds=10)
_WAIT = 0.5  # seconds for the answers of one observation
_PROBE_THREADS = 16
_SAMPLE_THREADS = 64  # old engines take up to a second for each answer
_ROWS_AT_ONCE = 200


@dataclass
class ObserverState:
    """What one observer keeps in memory between observations, and the calls that are still running."""

    releases: dict[str, Release] = field(default_factory=dict)
    probes: BackgroundCalls[bool] = field(default_factory=lambda: BackgroundCalls(_PROBE_THREADS))
    samples: BackgroundCalls[Measurement | None] = field(default_factory=lambda: BackgroundCalls(_SAMPLE_THREADS))
    away_since: datetime | None = None
    away_until: datetime | None = None

    def close(self) -> None:
        """Start no more calls."""
        self.probes.close()
        self.samples.close()


@dataclass(frozen=True)
class Observation:
    """What the engine says of one service: its running containers, its status, and the restarts by the engine."""

    service: Service
    release: Release
    status: ServiceStatus
    containers: tuple[Container, ...]
    restarts: int

    @property
    def own_health(self) -> str:
        """The health that the containers' own healthchecks say."""
        return health.container_health(self.containers, all_run=self.status is not ServiceStatus.FAILED)


def observe(ports: Ports, state: ObserverState) -> None:
    """Compare every service that should run with the engine, in one list call, and write what differs.

    While the engine is away, statuses stay as they were last seen and health becomes `unknown`; raise Unavailable.
    """
    with ports.store.read() as work:
        services = work.services.wanted_running()
    try:
        containers = _by_service(ports.runtime.containers({INSTANCE: ports.instance}))
        state.away_since = None
    except Unavailable:
        _write_unknown(ports, state, services)
        raise
    observations = list(_observations(ports, state, services, containers))
    for observation in observations:
        with suppress(Unavailable):  # a route that cannot be written must not delay the other services
            _update_route(ports, observation)
    now = ports.clock.now()
    every = _sample_distance(sum(len(observation.containers) for observation in observations))
    for observation in observations:
        _start_calls(ports, state, observation, now, every)
    probed, samples = state.probes.results(_WAIT), state.samples.results(_WAIT)
    observed = [_observed(observation, now, probed, samples) for observation in observations]
    _write(ports, [(observation.service, after) for observation, after in zip(observations, observed, strict=True)])
    if state.away_until is None or now - state.away_until > _RECOVERY:  # the engine's own fault is no version's
        for observation, after in zip(observations, observed, strict=True):
            _judge_watched(ports, observation, after, now)
    _write_samples(ports, observations, samples)
    _forget_others(state, services)


def _by_service(containers: list[Container]) -> defaultdict[str, dict[str, Container]]:
    grouped: defaultdict[str, dict[str, Container]] = defaultdict(dict)
    for container in containers:
        grouped[container.labels.get(SERVICE, "")][container.name] = container
    return grouped


def _write_unknown(ports: Ports, state: ObserverState, services: list[Service]) -> None:
    now = ports.clock.now()
    state.away_since, state.away_until = state.away_since or now, now
    if now - state.away_since >= _UNKNOWN_AFTER:
        _write(
            ports,
            [(service, replace(service, health=replace(service.health, status="unknown"))) for service in services],
        )


def _observations(
    ports: Ports, state: ObserverState, services: list[Service], containers: defaultdict[str, dict[str, Container]]
) -> Iterator[Observation]:
    _read_releases(ports, state, services)
    now = ports.clock.now()
    for service in services:
        release, seen = state.releases.get(service.live_deployment_id or ""), containers[service.id]
        if release is not None:
            expected = [seen[spec.name] for spec in release.containers() if spec.name in seen]
            running = tuple(container for container in expected if container.state == "running")
            restarts = sum(container.restarts for container in expected)
            yield Observation(service, release, health.status(release, seen, now), running, restarts)


def _read_releases(ports: Ports, state: ObserverState, services: list[Service]) -> None:
    unread = [service for service in services if service.live_deployment_id not in state.releases]
    if not unread:
        return
    with ports.store.read() as work:
        live = [(service, work.deployments.get(service.live_deployment_id or "")) for service in unread]
    for service, deployment in live:
        with suppress(Refusal):  # what cannot be read now, because a key is missing for example, is tried again
            if deployment is not None:
                state.releases[deployment.id] = with_image_ports(ports, build_release(ports, service, deployment))


def _update_route(ports: Ports, observation: Observation) -> None:
    """Route requests to the current addresses: a container that the engine restarted may have another one."""
    service, release = observation.service, observation.release
    if release.public_endpoint is None:
        return
    port, public = release.public_endpoint[1], health.public_containers(release, observation.containers)
    targets = {target for container in public if (target := container.target(port))}
    if not targets or targets == set(ports.router.targets(service.id)) or not _is_unchanged(ports, service):
        return
    url = ports.router.switch(service.id, release.subdomain, sorted(targets, key=lambda target: target.host))
    if url != service.url:
        _write_url(ports, service, url)


def _is_unchanged(ports: Ports, service: Service) -> bool:
    """Return whether no operation has started on the service since it was read: operations route by themselves."""
    with ports.store.read() as work:
        current = work.services.get(service.id)
    return current is not None and current.revision == service.revision


def _write_url(ports: Ports, service: Service, url: str) -> None:
    with ports.store.begin() as work:
        current = work.services.get(service.id)
        if current is not None and current.revision == service.revision:
            current.url = url
            work.services.save(current)


def _sample_distance(containers: int) -> timedelta:
    """Return the time between two samples of a service, a multiple of ten seconds: the more containers, the longer."""
    return _SAMPLE_EVERY * max(1, ceil(containers / (_SAMPLES_PER_SECOND * _SAMPLE_EVERY.total_seconds())))


def _start_calls(
    ports: Ports, state: ObserverState, observation: Observation, now: datetime, sample_every: timedelta
) -> None:
    """Start the HTTP check and the measuring of a service, if they are due."""
    service, release, containers = observation.service, observation.release, observation.containers
    if release.health_check and observation.own_health == "healthy":
        public = health.public_containers(release, containers)
        state.probes.submit(service.id, now, health.interval(release), lambda: health.probe(ports, release, public))
    if containers:
        names = [container.name for container in containers]
        state.samples.submit(
            service.id, _slot(now), sample_every, lambda: measure(ports, service.id, names, over=_SAMPLE_OVER)
        )


def _slot(now: datetime) -> datetime:
    """Return the time of a sample: a whole multiple of their distance, so that each slot gets exactly one."""
    every = _SAMPLE_EVERY.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // every * every, UTC)


def _observed(
    observation: Observation, now: datetime, probed: Mapping[str, bool], samples: Mapping[str, Measurement | None]
) -> Service:
    """Return the service as it should be written. A slow answer counts at the observation after it came."""
    service, release, own = observation.service, observation.release, observation.own_health
    result, measured = probed.get(service.id), samples.get(service.id)
    sample = measured.sample if measured else None
    usage = replace(service.usage, cpu=sample.cpu, memory_mb=sample.memory_mb) if sample else service.usage
    after = replace(
        service,
        status=observation.status,
        usage=usage if observation.containers else Usage(storage_mb=service.usage.storage_mb),
    )
    if release.health_check is None or own != "healthy" or result is not None:
        after.health = health.next_health(service.health, own, result, now, health.interval(release))
    if observation.status is ServiceStatus.STOPPED:
        after.health = Health()
    after.health = replace(after.health, restarts=observation.restarts)
    return after


def _judge_watched(ports: Ports, observation: Observation, after: Service, now: datetime) -> None:
    """Judge a version that has just taken over by what was observed."""
    service, watch = observation.service, observation.service.watch
    if watch is None:
        return
    unhealthy = observation.own_health == "unhealthy"
    failed = has_failed(watch, after.status, after.health, observation.restarts, unhealthy=unhealthy)
    with suppress(Unavailable):
        judge(ports, service, watch, now, failed=failed)


def _write_samples(
    ports: Ports, observations: Sequence[Observation], samples: Mapping[str, Measurement | None]
) -> None:
    """Write the samples, and count the traffic of the containers that were measured."""
    measured = [(seen, found) for seen in observations if (found := samples.get(seen.service.id))]
    if measured:
        readings = [reading for seen, found in measured for reading in _readings(seen, found)]
        with ports.store.begin() as work:
            work.samples.add([found.sample for _, found in measured])
            work.traffic.count(readings)


def _readings(observation: Observation, measurement: Measurement) -> list[TrafficReading]:
    service, at = observation.service, measurement.sample.at
    if service.customer_id is None:
        return []
    return [
        TrafficReading(container.name, service.id, service.customer_id, container.started_at, at, total)
        for container in observation.containers
        if container.started_at and (total := measurement.network.get(container.name)) is not None
    ]


def _write(ports: Ports, services: Sequence[tuple[Service, Service]]) -> None:
    """Write what differs, except for services that changed meanwhile: an operation that has started knows better."""
    changed = [(before, after) for before, after in services if _live_fields(before) != _live_fields(after)]
    for first in range(0, len(changed), _ROWS_AT_ONCE):
        rows = changed[first : first + _ROWS_AT_ONCE]
        with ports.store.begin() as work:
            work.services.observe_unchanged([after for before, after in rows if before.status is after.status])
            for before, after in rows:
                if before.status is not after.status:
                    _write_status(work, before, after)


def _write_status(work: Work, before: Service, after: Service) -> None:
    current = work.services.get(before.id)
    if current is not None and current.revision == before.revision:
        work.services.observe(before.id, after.status, after.health, after.usage)


def _live_fields(service: Service) -> tuple[ServiceStatus, Health, Usage]:
    return service.status, service.health, service.usage


def _forget_others(state: ObserverState, services: list[Service]) -> None:
    """Forget services that are not observed any more."""
    live = {service.live_deployment_id for service in services}
    state.releases = {key: release for key, release in state.releases.items() if key in live}
    ids = {service.id for service in services}
    state.probes.keep(ids)
    state.samples.keep(ids)
