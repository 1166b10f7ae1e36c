"""The engine's configuration of a container: its limits, and the restrictions for all containers of the panel."""

import math
import socket
from collections.abc import Mapping
from typing import Any

from docker import APIClient, types
from docker.errors import APIError, NotFound
from docker.types import Healthcheck, LogConfig
from docker.utils import version_gte

from domain.adapters.docker import files, privileges
from domain.model.project import Component, Mount, Probe, Restart
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import EngineRefused, ImageMissing

MAX_PROCESSES = 512
# An engine that starts would start stopped containers with the policy `always`; otherwise the two are the same.
RESTART_POLICIES: Mapping[str, Restart] = {"always": "unless-stopped"}
LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}
SECOND = 1_000_000_000
START_INTERVAL_SINCE = "1.44"  # the version of the engine's API


def create(client: APIClient, spec: ContainerSpec, address: str) -> None:
    """Create the container with its first network only, because old engines accept one; `connect` adds the others.

    Ports are published at an address of the host; empty means all addresses.
    """
    component = spec.component
    untyped: Any = client  # the library's own types allow less than it accepts
    first = dict(list(endpoints(client, spec).items())[:1])
    command, entrypoint = _command(component.command), _command(component.entrypoint)
    try:
        image = files.image_with_files(client, spec, command, entrypoint)
        config = untyped.create_container_config(
            image,
            command=command,
            ports=[tuple(port) for port in spec.published],
            entrypoint=entrypoint,
            user=component.user,
            hostname=None if "uts" in component.host.namespaces else component.hostname,
            domainname=component.domainname,
            stdin_open=component.stdin_open,
            tty=component.tty,
            stop_signal=component.stop_signal,
            working_dir=component.working_dir,
            environment=dict(spec.environment),
            labels=_labels(spec, image),
            healthcheck=_healthcheck(component.probe) if component.probe else None,
            stop_timeout=math.ceil(component.stop_grace),
            host_config=_host_config(client, spec, next(iter(first), privileges.network_mode(component)), address),
            networking_config={"EndpointsConfig": first} if first else None,
        )
        _set_start_interval(client, config, component)
        untyped.create_container_from_config(config, spec.name, component.platform)
    except NotFound as missing:
        raise _missing_image(component, spec, missing) or missing from missing


def _missing_image(component: Component, spec: ContainerSpec, missing: NotFound) -> ImageMissing | None:
    explanation = (missing.explanation or "").lower()
    if "platform" in explanation:
        return ImageMissing(f"The image {component.image} is not for the platform {component.platform}")
    return ImageMissing(f"The engine no longer has the image {spec.image}") if "image" in explanation else None


def _labels(spec: ContainerSpec, image: str) -> dict[str, str]:
    own = {files.IMAGE_LABEL: spec.image} if image != spec.image else {}
    return {**spec.component.labels, **spec.labels, **own}


def published_address(host: str) -> str:
    """Return the address at which the engine publishes ports for a host name or address; empty means all."""
    address = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][4][0]
    return "" if address in ("0.0.0.0", "::") else str(address)


def connect(client: APIClient, spec: ContainerSpec, inspection: Mapping[str, Any]) -> None:
    """Connect the container to those of its networks that it is not connected to yet."""
    for network, endpoint in endpoints(client, spec).items():
        if network not in inspection["NetworkSettings"]["Networks"]:
            client.connect_container_to_network(spec.name, network, aliases=endpoint["Aliases"])


def endpoints(client: APIClient, spec: ContainerSpec) -> dict[str, Any]:
    """Return the endpoint configuration, with the container's aliases, for each network."""
    return {
        network: client.create_endpoint_config(aliases=sorted({spec.component.name, *aliases}))
        for network, aliases in spec.networks.items()
    }


def check_labels(found: Mapping[str, str], expected: Mapping[str, str], name: str) -> None:
    """Raise EngineRefused if an existing object with one of our names was not created by this panel."""
    if not expected.items() <= found.items():
        raise EngineRefused(f"{name} already exists at the engine with other labels: it was not created by this panel")


def restart_policy(policy: Restart) -> Any:  # noqa: ANN401 - the type is private to the library
    """Return the engine's form of a restart policy."""
    return {"Name": RESTART_POLICIES.get(policy, policy), "MaximumRetryCount": 0}


def is_conflict(error: APIError) -> bool:
    """Return whether the engine refused because the name is in use."""
    return error.status_code == 409


def _host_config(client: APIClient, spec: ContainerSpec, network: str, address: str) -> dict[str, Any]:
    component = spec.component
    memory = component.memory_mb * 2**20 if component.memory_mb else None
    host: dict[str, Any] = client.create_host_config(
        network_mode=network,
        port_bindings={f"{port}/{protocol}": (address, host) for (port, protocol), host in spec.published.items()},
        nano_cpus=round(component.cpu * SECOND) if component.cpu else None,
        mem_limit=memory,
        memswap_limit=memory,
        pids_limit=min(component.pids, MAX_PROCESSES) if component.pids and component.pids > 0 else MAX_PROCESSES,
        log_config=LogConfig(type=LogConfig.types.JSON, config=LOG_OPTIONS),
        restart_policy=restart_policy(component.restart or "no"),
        tmpfs=_tmpfs(component),
        read_only=component.read_only,
        mounts=[*map(_mount, spec.mounts), *map(privileges.host_mount, component.host.mounts)],
        init=component.init is not False,
        **_options(component),
        **privileges.options(component),
    )
    return host


def _options(component: Component) -> dict[str, Any]:
    """Return options of the compose text that lift none of the panel's restrictions."""
    reservation = component.memory_reservation_mb
    return {
        "cpu_shares": component.cpu_shares,
        "extra_hosts": component.extra_hosts or None,
        "group_add": list(component.group_add) or None,
        "mem_reservation": reservation * 2**20 if reservation else None,
        "shm_size": component.shm_bytes,
        "sysctls": component.sysctls or None,
        "ulimits": [types.Ulimit(name=name, soft=soft, hard=hard) for name, (soft, hard) in component.ulimits.items()],
    }


def _mount(mount: Mount) -> types.Mount:
    """An anonymous volume has given files. The engine could not write them into one that is read-only."""
    read_only = mount.read_only and bool(mount.volume)
    return types.Mount(mount.path, mount.volume or None, "volume", read_only, no_copy=mount.no_copy)


def _tmpfs(component: Component) -> dict[str, str]:
    return {path: options for path, _, options in (mount.partition(":") for mount in component.tmpfs)}


def _command(argv: tuple[str, ...] | None) -> list[str] | None:
    """Replace an empty command, which would keep that of the image, by one that clears it: a single empty word."""
    return None if argv is None else list(argv) or [""]


def _healthcheck(probe: Probe) -> Healthcheck:
    """Without a test, the image's health check runs with these times."""
    if probe.disabled:
        return Healthcheck(test=["NONE"])
    return Healthcheck(
        test=list(probe.test),
        interval=round(probe.interval * SECOND),
        timeout=round(probe.timeout * SECOND),
        retries=probe.retries,
        start_period=round(probe.start_period * SECOND),
    )


def _set_start_interval(client: APIClient, config: dict[str, Any], component: Component) -> None:
    """Old engines have no `start_interval`, and the library leaves it out."""
    seconds = component.probe.start_interval if component.probe and not component.probe.disabled else None
    if seconds and version_gte(client.api_version, START_INTERVAL_SINCE):
        config["Healthcheck"]["StartInterval"] = round(seconds * SECOND)
