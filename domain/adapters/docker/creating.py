"""A component as the engine's own configuration: its limits, and what every container of ours is denied."""

import math
from collections.abc import Mapping
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import Healthcheck, LogConfig, Mount

from domain.model.project import Component, Probe
from domain.ports.runtime import ContainerSpec, EngineRefused, ImageMissing

# What Docker gives by default and web applications do not use: raw packets (spoofing within a network), device nodes,
# forged audit records, files that carry capabilities. The rest (CHOWN, SETUID, NET_BIND_SERVICE, …) the entry points
# of common images need, to step down from root.
DENIED = ("AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP")
PROCESSES = 512
# What is `always` an engine that comes back starts again, be it stopped by us; else the two mean the same.
RESTARTS = {"always": "unless-stopped"}
LOGS = {"max-size": "10m", "max-file": "3"}
SECOND = 1_000_000_000


def create(client: APIClient, spec: ContainerSpec) -> None:
    """The first network comes with the container, since old engines take only one; `connect` brings the others."""
    component = spec.component
    first = dict(list(endpoints(client, spec).items())[:1])
    try:
        client.create_container(
            spec.image,
            command=_argv(component.command),
            entrypoint=_argv(component.entrypoint),
            name=spec.name,
            user=component.user,
            working_dir=component.working_dir,
            environment=dict(spec.environment),
            labels={**component.labels, **spec.labels},
            healthcheck=_healthcheck(component.probe) if component.probe else None,
            stop_timeout=math.ceil(component.stop_grace),
            host_config=_host(client, spec, next(iter(first), "none")),
            networking_config={"EndpointsConfig": first} if first else None,
            use_config_proxy=False,
        )
    except NotFound as missing:
        if "image" in (missing.explanation or "").lower():
            raise ImageMissing(missing.explanation) from missing
        raise


def connect(client: APIClient, spec: ContainerSpec, found: Mapping[str, Any]) -> None:
    """Bring the container into those of its networks that it is not in yet."""
    for network, endpoint in endpoints(client, spec).items():
        if network not in found["NetworkSettings"]["Networks"]:
            client.connect_container_to_network(spec.name, network, aliases=endpoint["Aliases"])


def endpoints(client: APIClient, spec: ContainerSpec) -> dict[str, Any]:
    """Network → how the container is found in it."""
    return {
        network: client.create_endpoint_config(aliases=sorted({spec.component.name, *aliases}))
        for network, aliases in spec.networks.items()
    }


def must_be_ours(found: Mapping[str, str], asked: Mapping[str, str], name: str) -> None:
    """Raises EngineRefused when what stands under a name that we derived was not made by us."""
    if not asked.items() <= found.items():
        raise EngineRefused(f"{name} exists already at the engine, with other labels than ours")


def conflicts(refused: APIError) -> bool:
    """Whether the engine says that the name is taken."""
    return refused.status_code == 409


def _host(client: APIClient, spec: ContainerSpec, network: str) -> dict[str, Any]:
    component = spec.component
    memory = component.memory_mb * 2**20 if component.memory_mb else None
    host: dict[str, Any] = client.create_host_config(
        network_mode=network,
        nano_cpus=round(component.cpu * SECOND) if component.cpu else None,
        mem_limit=memory,
        memswap_limit=memory,
        pids_limit=PROCESSES,
        security_opt=["no-new-privileges"],
        cap_drop=sorted({*component.cap_drop, *DENIED}),
        log_config=LogConfig(type=LogConfig.types.JSON, config=LOGS),
        restart_policy={"Name": RESTARTS.get(component.restart, component.restart), "MaximumRetryCount": 0},
        tmpfs=_tmpfs(component),
        read_only=component.read_only,
        mounts=[Mount(path, volume, "volume", read_only) for volume, (path, read_only) in spec.volumes.items()],
        init=True,
    )
    return host


def _tmpfs(component: Component) -> dict[str, str]:
    return {path: options for path, _, options in (each.partition(":") for each in component.tmpfs)}


def _argv(argv: tuple[str, ...] | None) -> list[str] | None:
    """An empty list would leave what the image says; a list of one empty word clears it."""
    return None if argv is None else list(argv) or [""]


def _healthcheck(probe: Probe) -> Healthcheck:
    """Without a test, the image's own at these times."""
    if probe.disabled:
        return Healthcheck(test=["NONE"])
    return Healthcheck(
        test=list(probe.test),
        interval=round(probe.interval * SECOND),
        timeout=round(probe.timeout * SECOND),
        retries=probe.retries,
        start_period=round(probe.start_period * SECOND),
    )
