"""What compose knows and the panel does not take, by name, each with what to do instead."""

import difflib
from collections.abc import Collection, Mapping

from domain.compose.findings import Code, FindingCollector, quote
from domain.compose.values import MapValue

Refusals = Mapping[str, tuple[Code, str]]

_REMOVE = "Remove `{field}`: "
_NAMESPACE = (
    Code.HOST_NAMESPACE_REFUSED,
    _REMOVE + "a service has namespaces of its own; services of a project reach each other by name",
)
_CGROUP = (
    Code.CGROUP_REFUSED,
    _REMOVE + "the panel chooses control groups; set limits under `deploy.resources.limits`",
)
_DEVICE = (Code.DEVICE_REFUSED, _REMOVE + "devices of the host cannot be given to a service")
_FILES = (Code.SECRET_FILE_REFUSED, _REMOVE + "set a secret variable and use it under `environment`")
_VARIABLE_FILE = (
    Code.ENV_FILE_REFUSED,
    _REMOVE + "set the variables on the service, or write them under `environment`",
)
_LIMITS = (Code.UNSUPPORTED_FIELD, _REMOVE + "write `deploy.resources.limits` with `cpus` and `memory`")
_LINKS = (Code.LINKS_REFUSED, _REMOVE + "services of a project reach each other by name")
_HOSTS = (
    Code.UNSUPPORTED_FIELD,
    _REMOVE + "names are resolved by the engine; services of a project reach each other by name",
)
_KERNEL = (Code.UNSUPPORTED_FIELD, _REMOVE + "the panel leaves the kernel's limits as the host has them")
_IMAGE = (Code.UNSUPPORTED_FIELD, _REMOVE + "the panel leaves this to the image and the engine")
_DEFAULT = (Code.UNSUPPORTED_FIELD, _REMOVE + "the panel does not support it")
_EXTERNAL = (Code.EXTERNAL_REFUSED, _REMOVE + "a project has volumes and networks of its own only")
_NAMED = (Code.UNSUPPORTED_FIELD, _REMOVE + "the panel derives the name at the engine, so that projects never collide")
_DRIVER = (Code.VOLUME_DRIVER_REFUSED, _REMOVE + "the panel stores volumes itself; write only the name: `data:`")


def _all(names: str, refusal: tuple[Code, str]) -> dict[str, tuple[Code, str]]:
    return dict.fromkeys(names.split(), refusal)


SERVICE: Refusals = {
    "privileged": (Code.PRIVILEGED_REFUSED, _REMOVE + "no service runs privileged"),
    "cap_add": (Code.CAPABILITY_REFUSED, _REMOVE + "capabilities can only be dropped, with `cap_drop`"),
    **_all("devices device_cgroup_rules gpus blkio_config", _DEVICE),
    **_all("pid ipc network_mode uts userns_mode cgroup isolation", _NAMESPACE),
    "security_opt": (Code.SECURITY_OPT_REFUSED, _REMOVE + "the panel sets the security options of every container"),
    "sysctls": (Code.SYSCTL_REFUSED, _REMOVE + "kernel parameters cannot be set"),
    "cgroup_parent": _CGROUP,
    "runtime": (Code.RUNTIME_REFUSED, _REMOVE + "the panel chooses the runtime"),
    "use_api_socket": (Code.DOCKER_SOCKET_REFUSED, _REMOVE + "the engine's socket is never given to a service"),
    **_all("secrets configs credential_spec", _FILES),
    **_all("env_file label_file", _VARIABLE_FILE),
    "extends": (Code.EXTENDS_REFUSED, _REMOVE + "write the service out, or use a YAML anchor and `<<`"),
    "build": (Code.BUILD_REFUSED, _REMOVE + "push the image to a registry and name it under `image`"),
    "ports": (
        Code.PORTS_REFUSED,
        "Write `expose` with the container's port instead of `ports`: the panel's route publishes it under the "
        "service's URL",
    ),
    "container_name": (
        Code.CONTAINER_NAME_REFUSED,
        _REMOVE + "the panel names containers; the service's name is its host name",
    ),
    **_all("links external_links", _LINKS),
    "volumes_from": (Code.VOLUMES_FROM_REFUSED, _REMOVE + "declare a named volume and mount it in both services"),
    **_all("extra_hosts dns dns_opt dns_search hostname domainname mac_address", _HOSTS),
    **_all("oom_kill_disable oom_score_adj ulimits shm_size mem_swappiness memswap_limit storage_opt", _KERNEL),
    **_all(
        "cpus cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpuset mem_limit "
        "mem_reservation pids_limit",
        _LIMITS,
    ),
    "scale": (Code.UNSUPPORTED_FIELD, _REMOVE + "write `deploy.replicas`"),
    "group_add": (Code.UNSUPPORTED_FIELD, _REMOVE + "name user and group in `user`, such as `1000:1000`"),
    "logging": (Code.UNSUPPORTED_FIELD, _REMOVE + "the panel keeps the logs itself"),
    "profiles": (Code.UNSUPPORTED_FIELD, _REMOVE + "all services of the text are deployed"),
    "init": (Code.UNSUPPORTED_FIELD, _REMOVE + "use an image whose entrypoint handles signals"),
    **_all("platform pull_policy stop_signal stdin_open tty", _IMAGE),
    **_all("annotations attach develop models post_start pre_stop provider", _DEFAULT),
}

TOP: Refusals = {
    **_all("secrets configs", _FILES),
    "include": (Code.INCLUDE_REFUSED, _REMOVE + "write everything into this one text"),
    "models": _DEFAULT,
}

VOLUME: Refusals = {**_all("driver driver_opts", _DRIVER), "external": _EXTERNAL, "name": _NAMED, "labels": _DEFAULT}

NETWORK: Refusals = {
    "external": _EXTERNAL,
    "name": _NAMED,
    **_all("driver driver_opts ipam attachable enable_ipv4 enable_ipv6 labels", _DEFAULT),
}

MOUNT: Refusals = _all("bind volume tmpfs image cluster consistency", _DEFAULT)

HEALTHCHECK: Refusals = {"start_interval": (Code.UNSUPPORTED_FIELD, _REMOVE + "write `interval` and `start_period`")}

DEPENDENCY: Refusals = {
    "restart": (Code.UNSUPPORTED_FIELD, _REMOVE + "a deployment replaces all services of the project"),
    "required": (Code.UNSUPPORTED_FIELD, _REMOVE + "every dependency is required"),
}

DEPLOY: Refusals = _all(
    "mode placement restart_policy update_config rollback_config endpoint_mode labels",
    (
        Code.UNSUPPORTED_FIELD,
        _REMOVE + "the panel deploys without an interruption by itself; `replicas` and `resources.limits` are taken",
    ),
)

RESOURCES: Refusals = {"reservations": _LIMITS}

LIMITS: Refusals = {"pids": _DEFAULT, "devices": _DEVICE}


def refuse(found: MapValue, accepted: Collection[str], refused: Refusals, findings: FindingCollector) -> None:
    """Note every field that is not accepted, under the code of its kind."""
    for name, value in found.entries.items():
        if name in refused:
            code, message = refused[name]
            findings.add(code, message.format(field=name) + ".", value.location)
        elif name not in accepted:
            findings.add(Code.UNKNOWN_FIELD, _unknown(name, accepted), value.location)


def _unknown(name: str, accepted: Collection[str]) -> str:
    near = difflib.get_close_matches(name.lower(), accepted, 1)
    if near:
        return f"There is no field {quote(name)}: did you mean `{near[0]}`?"
    if not accepted:
        return f"Remove {quote(name)}: nothing can be raw here."
    return f"There is no field {quote(name)}: choose from {', '.join(accepted)}."
