"""The fields that the panel refuses or ignores, section by section, each with a reason and the next step."""

from typing import TypeVar

from domain.compose.field_rules import FieldRules
from domain.compose.findings import Code

Rule = TypeVar("Rule")

_NAMESPACE = (
    Code.HOST_NAMESPACE_REFUSED,
    "a container has its own namespaces; components of a project reach each other by name",
)
_DEVICE = (Code.DEVICE_REFUSED, "devices of the host cannot be given to a container")
_UNSUPPORTED = (Code.UNSUPPORTED_FIELD, "the panel does not support it")
_EXTERNAL = (
    Code.EXTERNAL_REFUSED,
    "the project cannot use what belongs to others; declare it without `external`, and the panel creates it",
)
_SCHEDULING = "the panel leaves scheduling to the host; set `cpus` and `memory` limits instead"
_SWAP = "the panel gives containers no swap and lets the kernel choose what to end"
_DNS = "containers use the engine's DNS, which knows the names of the project"
_ADDRESS = "the engine assigns addresses; components of a project reach each other by name"
_LABELS = "the panel sets its own labels on volumes and networks"
_ENGINE_NAME = "the panel derives the name at the engine, so that projects never share it by accident"
_UPDATES = "the panel replaces the containers of a service itself, without interruption"


def _all(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


SERVICE = FieldRules(
    refused={
        "privileged": (Code.PRIVILEGED_REFUSED, "no container runs privileged"),
        **_all("devices device_cgroup_rules gpus", _DEVICE),
        **_all("uts userns_mode", _NAMESPACE),
        "cgroup_parent": (
            Code.CGROUP_REFUSED,
            "the panel chooses the control group; set limits under `deploy.resources.limits`",
        ),
        "use_api_socket": (Code.DOCKER_SOCKET_REFUSED, "the engine's socket is never given to a container"),
        "build": (Code.BUILD_REFUSED, "push the image to a registry and name it under `image`"),
        "external_links": (Code.LINKS_REFUSED, "components reach only containers of their own project"),
        "storage_opt": (Code.UNSUPPORTED_FIELD, "the engine chooses the storage of containers"),
        **_all("credential_spec models post_start pre_stop provider", _UNSUPPORTED),
    },
    ignored={
        "annotations": "annotations are for container runtimes, and the panel chooses the runtime",
        "blkio_config": _SCHEDULING,
        **_all("cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpuset", _SCHEDULING),
        **_all("mem_swappiness memswap_limit oom_kill_disable oom_score_adj", _SWAP),
        **_all("dns dns_opt dns_search", _DNS),
        "mac_address": "the engine gives each container an address of its own",
        "exclude_from_hc": "it is a field of Coolify; the panel checks every component",
        "logging": "the panel keeps the output of containers itself",
    },
    silent=frozenset({"attach", "develop"}),
)

TOP = FieldRules(refused={"models": _UNSUPPORTED})

VOLUME = FieldRules(
    refused={
        "driver_opts": (
            Code.VOLUME_DRIVER_REFUSED,
            "options of volume drivers reach into the host; the panel stores volumes itself",
        ),
        "external": _EXTERNAL,
    },
    ignored={"name": _ENGINE_NAME, "labels": _LABELS},
)

NETWORK = FieldRules(
    refused={"external": _EXTERNAL},
    ignored={
        **_all("ipam enable_ipv4 enable_ipv6", _ADDRESS),
        "driver_opts": "the panel creates the networks of a project itself",
        "labels": _LABELS,
    },
    silent=frozenset({"name", "attachable"}),
)

CONFIG = FieldRules(
    refused={"external": _EXTERNAL, "template_driver": _UNSUPPORTED, "driver": _UNSUPPORTED},
    silent=frozenset({"name", "labels"}),
)

CONFIG_REFERENCE = FieldRules()

ATTACHMENT = FieldRules(
    ignored=_all("ipv4_address ipv6_address link_local_ips mac_address driver_opts", _ADDRESS),
    silent=frozenset({"priority", "gw_priority", "interface_name"}),
)

MOUNT = FieldRules(refused=_all("image cluster", _UNSUPPORTED), silent=frozenset({"consistency", "is_directory"}))

BIND = FieldRules(
    ignored={"propagation": "volumes have no mount propagation"},
    silent=frozenset({"create_host_path", "selinux", "recursive"}),
)

VOLUME_MOUNT = FieldRules(
    refused={"subpath": (Code.UNSUPPORTED_FIELD, "declare a volume of its own for this path")},
    ignored={"labels": _LABELS},
)

TMPFS = FieldRules()

HEALTHCHECK = FieldRules()

DEPENDENCY = FieldRules(ignored={"restart": "a deployment replaces all components of the project"})

DEPLOY = FieldRules(
    ignored={
        **_all("update_config rollback_config", _UPDATES),
        "placement": "all containers of a service run on one host",
        "labels": "they are for Docker Swarm; labels of containers are written under the service's `labels`",
        "endpoint_mode": "components reach each other by name",
    },
)

RESTART_POLICY = FieldRules(
    ignored=_all("delay max_attempts window", "the engine restarts containers with a growing delay")
)

RESOURCES = FieldRules()

LIMITS = FieldRules(refused={"devices": _DEVICE, "generic_resources": _DEVICE})

RESERVATIONS = FieldRules(
    refused={"devices": _DEVICE, "generic_resources": _DEVICE},
    ignored={"cpus": "compose does not apply it either; write `limits.cpus`"},
)
