"""Looking at the engine: every service says what its containers do, whoever changed it."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.errors import Refusal
from domain.model import Health, Service, ServiceStatus, Usage
from domain.ports import Container, Ports, Target
from domain.release import DEPLOYMENT, INSTANCE, ROLE, SERVICE, Release, release_of

_USAGE_EVERY = timedelta(seconds=10)


@dataclass
class Watch:
    """What one observer remembers between looks: releases by deployment, and when it last measured or probed."""

    releases: dict[str, Release] = field(default_factory=dict)
    measured: dict[str, datetime] = field(default_factory=dict)
    probed: dict[str, datetime] = field(default_factory=dict)


def observe(ports: Ports, watch: Watch) -> None:
    """Compare every service that should run with the engine, and write what differs. One list call for all of them."""
    seen = _by_service(ports.runtime.containers({INSTANCE: ports.instance}))
    with ports.store.read() as work:
        services = work.services.wanted_running()
    for service in services:
        release = _release(ports, watch, service)
        if release is not None:
            _observe_one(ports, watch, service, release, seen[service.id])
    _forget(watch, services)


def _by_service(containers: list[Container]) -> defaultdict[str, dict[str, Container]]:
    grouped: defaultdict[str, dict[str, Container]] = defaultdict(dict)
    for container in containers:
        grouped[container.labels[SERVICE]][container.name] = container
    return grouped


def _release(ports: Ports, watch: Watch, service: Service) -> Release | None:
    live = service.live_deployment_id or ""
    if live not in watch.releases:
        with ports.store.read() as work:
            deployment = work.deployments.get(live)
        if deployment is None:
            return None
        with suppress(Refusal):
            watch.releases[live] = release_of(ports, service, deployment)
    return watch.releases.get(live)


def _observe_one(
    ports: Ports, watch: Watch, service: Service, release: Release, containers: Mapping[str, Container]
) -> None:
    expected = [containers.get(spec.name) for spec in release.containers()]
    running = all(one is not None and (one.state == "running" or one.exit_code == 0) for one in expected)
    found = [one for one in expected if one is not None and one.state == "running"]
    _follow_addresses(ports, release, found)
    health = _health(ports, watch, service, release, found, running=running)
    usage = _usage(ports, watch, service, found)
    status = ServiceStatus.RUNNING if running else ServiceStatus.FAILED
    if (status, health, usage) != (service.status, service.health, service.usage):
        with ports.store.begin() as work:
            work.services.observe(service.id, status, health, usage)
        if status is not service.status:
            ports.feed.nudge()


def _follow_addresses(ports: Ports, release: Release, found: list[Container]) -> None:
    """A container that the engine started again may have another address."""
    if release.front is None:
        return
    component, port = release.front
    now = {Target(one.address, port) for one in found if one.address and one.labels[ROLE] == component.name}
    if now and now != set(ports.router.targets(release.service_id)):
        ports.router.switch(release.service_id, release.service_name, sorted(now, key=lambda one: one.host))


def _health(
    ports: Ports, watch: Watch, service: Service, release: Release, found: list[Container], *, running: bool
) -> Health:
    now, check = ports.clock.now(), release.health_check
    due = now - watch.probed.get(service.id, datetime.min.replace(tzinfo=now.tzinfo))
    if due < timedelta(seconds=check.interval if check else 10) and running == (service.health.status == "healthy"):
        return service.health
    watch.probed[service.id] = now
    healthy = running and all(one.health in (None, "healthy", "starting") for one in found)
    if healthy and check and release.front:
        front = [one for one in found if one.labels[ROLE] == release.front[0].name]
        healthy = all(
            ports.runtime.answers(one, check.port or release.front[1], check.path, check.timeout) for one in front
        )
    failures = 0 if healthy else service.health.consecutive_failures + 1
    return Health("healthy" if healthy else "unhealthy", now, failures)


def _usage(ports: Ports, watch: Watch, service: Service, found: list[Container]) -> Usage:
    now = ports.clock.now()
    if now - watch.measured.get(service.id, datetime.min.replace(tzinfo=now.tzinfo)) < _USAGE_EVERY:
        return service.usage
    watch.measured[service.id] = now
    return ports.runtime.usage([one.name for one in found])


def _forget(watch: Watch, services: list[Service]) -> None:
    live, ids = {service.live_deployment_id for service in services}, {service.id for service in services}
    for memory, keep in ((watch.releases, live), (watch.measured, ids), (watch.probed, ids)):
        for gone in memory.keys() - keep:
            del memory[gone]


def sweep(ports: Ports) -> list[str]:
    """Remove containers, networks and routes that no row claims; answer their names.

    The engine is asked first and the rows after: what a deployment makes is claimed by its row before it exists.
    """
    ours = {INSTANCE: ports.instance}
    containers = {one.name: one.labels for one in ports.runtime.containers(ours)}
    networks, routes = ports.runtime.networks(ours), ports.router.routes()
    found = {(labels[SERVICE], labels[DEPLOYMENT]) for labels in (*containers.values(), *networks.values())}
    claimed = {pair for pair in found if _claimed(ports, *pair)}
    orphans = [name for name, labels in containers.items() if (labels[SERVICE], labels[DEPLOYMENT]) not in claimed]
    for name in orphans:
        ports.runtime.remove(name)
    loose = [name for name, labels in networks.items() if (labels[SERVICE], labels[DEPLOYMENT]) not in claimed]
    for name in loose:
        ports.runtime.remove_network(name)
    lost = [service_id for service_id in routes if not _exists(ports, service_id)]
    for service_id in lost:
        ports.router.close(service_id)
    return [*orphans, *loose, *lost]


def _claimed(ports: Ports, service_id: str, deployment_id: str) -> bool:
    with ports.store.read() as work:
        service = work.services.get(service_id)
        if service is None:
            return False
        unfinished = work.operations.unfinished(service_id)
    at_work = any(operation.deployment_id == deployment_id for operation in unfinished)
    return at_work or service.live_deployment_id == deployment_id


def _exists(ports: Ports, service_id: str) -> bool:
    with ports.store.read() as work:
        return work.services.get(service_id) is not None
