"""One service of the text: every field that is accepted, and how it is read."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from domain.compose.config_references import read_configs, read_secrets
from domain.compose.context import Context
from domain.compose.dependencies import read_depends_on, read_links
from domain.compose.deploy import cpu, memory, pids, read_deploy, replicas
from domain.compose.env_file_field import read_env_file, read_label_file
from domain.compose.field_rules import check_fields
from domain.compose.findings import Code, FieldError, quote
from domain.compose.healthchecks import read_healthcheck
from domain.compose.host_access import HOST_READERS, host_access, refuse, share_namespace
from domain.compose.images import read_image
from domain.compose.key_values import read_environment, read_labels
from domain.compose.mounts import check_duplicate_paths, read_mounts, read_tmpfs
from domain.compose.networks import (
    host_name,
    read_attachments,
    read_container_name,
    read_extra_hosts,
    read_network_mode,
)
from domain.compose.ports import read_expose, read_ports
from domain.compose.privileges import read_cap_add, read_cap_drop, read_security_opt, read_sysctls, read_ulimits
from domain.compose.refusals import SERVICE
from domain.compose.scalars import argv, boolean, byte_size, container_path, duration, integer, match_pattern
from domain.compose.values import MapValue, ScalarValue, Value, as_list, as_map, as_scalar
from domain.compose.volumes_from import read_volumes_from
from domain.model.project import Component

FieldReader = Callable[[Value, Context], Mapping[str, Any]]

LONGEST_GRACE = 300.0
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(:[0-9]{1,9})?")
_SIGNAL = re.compile(r"(SIG)?[A-Z][A-Z0-9+-]{1,14}|[0-9]{1,2}")
_PLATFORM = re.compile(r"[a-z0-9]{1,16}(/[a-z0-9_]{1,16}){0,2}")
_PULL_POLICY = re.compile(r"always|never|missing|if_not_present|refresh|daily|weekly|every_[0-9wdhms]{2,20}")
_NAMESPACE_ADVICE = "a container has its own namespaces; components of a project reach each other by name"


def read_component(name: str, value: Value, context: Context) -> Component:
    """Read a service. What is not readable is left out; findings say why."""
    section = as_map(value)
    readers = {**READERS, **HOST_READERS} if context.host_access else READERS
    check_fields(section, tuple(readers), SERVICE, context.findings)
    if section.get("image") is None and section.get("build") is None:
        message = f"Give the service {quote(name)} an `image`, such as `nginx:1.29`."
        context.findings.add(Code.MISSING_IMAGE, message, section.location)
    attributes: dict[str, Any] = {"image": ""}
    for field, read in readers.items():
        written = section.get(field)
        if written is not None and not _is_unset(field, written):
            part = context.findings.attempt(lambda pair: pair[0](pair[1], context), (read, written))
            _add(attributes, part or {})
    component = Component(name=name, **{**attributes, "host": host_access(attributes.get("host", {}))})
    check_duplicate_paths(component, section, context.findings)
    _check_writers(component, section, context)
    return component


def _is_unset(field: str, value: Value) -> bool:
    """Return whether a variable without a value left the field empty, which compose takes for absent."""
    return field in _EMPTY_IS_ABSENT and isinstance(value, ScalarValue) and not value.invalid and not value.text


def _add(attributes: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add the attributes of one field: maps and some tuples are joined, other values replaced."""
    for name, value in part.items():
        known = attributes.get(name)
        if known and name in _JOINED:
            attributes[name] = tuple(dict.fromkeys((*known, *value)))
        elif known and isinstance(value, dict):
            attributes[name] = {**known, **value}
        else:
            attributes[name] = value


def _check_writers(component: Component, section: MapValue, context: Context) -> None:
    if component.replicas > 1 and component.writes:
        message = f"{quote(component.name)} writes to a volume: two writers can corrupt the data. Run one replica."
        context.findings.add(Code.BAD_VALUE, message, section.location)


def _attribute(name: str, read: Callable[[Value], object]) -> FieldReader:
    """Return a reader for a field that becomes one attribute."""
    return lambda value, _: {name: read(value)}


def _restart(value: Value, context: Context) -> Mapping[str, Any]:
    word = match_pattern(value, _RESTART, "write `no`, `always`, `on-failure` or `unless-stopped`")
    policy, limited, _ = word.partition(":")
    if limited:
        message = "The number of restarts is not limited: the panel applies `on-failure`."
        context.findings.warn(Code.NOT_KEPT, message, value.location)
    return {"restart": policy}


def _stop_grace(value: Value, context: Context) -> Mapping[str, Any]:
    seconds = duration(value)
    if seconds > LONGEST_GRACE:
        message = f"{quote(as_scalar(value).raw)} → `{LONGEST_GRACE:.0f}s`: the panel waits no longer for a container."
        context.findings.warn(Code.TRANSLATED, message, value.location)
    return {"stop_grace": min(seconds, LONGEST_GRACE)}


def _pull_policy(value: Value, context: Context) -> Mapping[str, Any]:
    policy = match_pattern(value, _PULL_POLICY, "write `always`, `missing` or `never`")
    if policy not in ("always", "missing", "if_not_present"):
        message = "The policy has no effect: the panel pulls the image at each deployment."
        context.findings.warn(Code.NOT_KEPT, message, value.location)
    return {}


def _group_add(value: Value, context: Context) -> Mapping[str, Any]:
    def read(item: Value) -> str:
        return match_pattern(item, _GROUP, "write the name or number of a group")

    return {"group_add": context.findings.attempt_all(read, as_list(value))}


def _read_before(value: Value, context: Context) -> Mapping[str, Any]:  # noqa: ARG001 - `profiles` and `extends` do
    return {}


def _accept_namespace(name: str, words: str) -> FieldReader:
    """Return a reader that accepts these words, and `host` if the service may have host access."""
    accept = _accept(words, Code.HOST_NAMESPACE_REFUSED, _NAMESPACE_ADVICE)

    def read(value: Value, context: Context) -> Mapping[str, Any]:
        if not context.host_access or as_scalar(value).text != "host":
            return accept(value, context)
        refuse(context, Code.HOST_NAMESPACE_REFUSED, "", f"`{name}: host`", value.location)
        return share_namespace(name)

    return read


def _accept(words: str, code: Code, advice: str) -> FieldReader:
    """Return a reader that accepts only these words, which ask for what every container has."""

    def read(value: Value, context: Context) -> Mapping[str, Any]:  # noqa: ARG001
        scalar = as_scalar(value)
        if scalar.text and scalar.text not in words.split():
            raise FieldError(code, f"Remove {quote(scalar.raw)}: {advice}.", scalar.location)
        return {}

    return read


# The order matters: what stands below replaces or extends what stands above it.
READERS: dict[str, FieldReader] = {
    "image": _attribute("image", read_image),
    "command": _attribute("command", argv),
    "entrypoint": _attribute("entrypoint", argv),
    "env_file": read_env_file,
    "environment": read_environment,
    "ports": read_ports,
    "expose": read_expose,
    "volumes": read_mounts,
    "tmpfs": read_tmpfs,
    "configs": read_configs,
    "secrets": read_secrets,
    "healthcheck": lambda value, context: {"probe": read_healthcheck(value, context)},
    "links": read_links,
    "volumes_from": read_volumes_from,
    "depends_on": read_depends_on,
    "restart": _restart,
    "label_file": read_label_file,
    "labels": read_labels,
    "user": _attribute(
        "user", lambda value: match_pattern(value, _USER, "write a user or `user:group`, such as `1000:1000`")
    ),
    "group_add": _group_add,
    "working_dir": _attribute("working_dir", container_path),
    "read_only": _attribute("read_only", boolean),
    "cap_add": read_cap_add,
    "cap_drop": read_cap_drop,
    "security_opt": read_security_opt,
    "sysctls": read_sysctls,
    "ulimits": read_ulimits,
    "pid": _accept_namespace("pid", "private"),
    "ipc": _accept_namespace("ipc", "private shareable none"),
    "cgroup": _accept_namespace("cgroup", "private"),
    "isolation": _accept("default", Code.HOST_NAMESPACE_REFUSED, _NAMESPACE_ADVICE),
    "runtime": _accept("runc io.containerd.runc.v2", Code.RUNTIME_REFUSED, "the panel chooses the container runtime"),
    "shm_size": _attribute("shm_bytes", lambda value: byte_size(value, 1)),
    "init": _attribute("init", boolean),
    "tty": _attribute("tty", boolean),
    "stdin_open": _attribute("stdin_open", boolean),
    "stop_signal": _attribute("stop_signal", lambda value: match_pattern(value, _SIGNAL, "write a signal: `SIGQUIT`")),
    "stop_grace_period": _stop_grace,
    "platform": _attribute(
        "platform", lambda value: match_pattern(value, _PLATFORM, "write a platform, such as `linux/amd64`")
    ),
    "pull_policy": _pull_policy,
    "profiles": _read_before,
    "extends": _read_before,
    "cpus": _attribute("cpu", cpu),
    "cpu_shares": _attribute("cpu_shares", lambda value: integer(value, 0, 262144)),
    "mem_limit": _attribute("memory_mb", memory),
    "mem_reservation": _attribute("memory_reservation_mb", memory),
    "pids_limit": _attribute("pids", pids),
    "scale": _attribute("replicas", replicas),
    "deploy": read_deploy,
    "network_mode": read_network_mode,
    "networks": read_attachments,
    "container_name": read_container_name,
    "hostname": _attribute("hostname", host_name),
    "domainname": _attribute("domainname", host_name),
    "extra_hosts": read_extra_hosts,
}
_EMPTY_IS_ABSENT = frozenset(
    {"container_name", "domainname", "hostname", "network_mode", "platform", "pull_policy", "restart", "stop_signal"}
    | {"user", "working_dir"}
)
_JOINED = frozenset({"aliases", "expose", "files", "tmpfs"})
