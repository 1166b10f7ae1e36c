"""One service of the text: every field that is accepted and how it is read."""

import re
from collections.abc import Callable
from typing import Any, cast

from domain.compose.context import Context
from domain.compose.deploy import deploy
from domain.compose.findings import Code, quote
from domain.compose.healthchecks import probe
from domain.compose.images import read_image
from domain.compose.key_values import environment, labels
from domain.compose.mounts import mounts, note_duplicates, tmpfs
from domain.compose.references import depends_on, networks
from domain.compose.refusals import SERVICE, refuse
from domain.compose.scalars import argv, bad_value, boolean, container_path, duration, match_pattern
from domain.compose.values import Value, as_list, as_map, as_scalar
from domain.model.project import Component

LONGEST_GRACE = 300.0
_PORT = re.compile(r"([1-9][0-9]{0,4})(?:/tcp)?")
_USER = re.compile(r"(?:[0-9]{1,9}|[A-Za-z_][A-Za-z0-9_.-]{0,31})(?::(?:[0-9]{1,9}|[A-Za-z_][A-Za-z0-9_.-]{0,31}))?")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(:[0-9]{1,3})?")
_CAPABILITY = re.compile(
    "ALL|AUDIT_(CONTROL|READ|WRITE)|BLOCK_SUSPEND|BPF|CHECKPOINT_RESTORE|CHOWN|DAC_(OVERRIDE|READ_SEARCH)|FOWNER|FSETID"
    "|IPC_(LOCK|OWNER)|KILL|LEASE|LINUX_IMMUTABLE|MAC_(ADMIN|OVERRIDE)|MKNOD|NET_(ADMIN|BIND_SERVICE|BROADCAST|RAW)"
    "|PERFMON|SETFCAP|SETGID|SETPCAP|SETUID|SYSLOG|SYS_(ADMIN|BOOT|CHROOT|MODULE|NICE|PACCT|PTRACE|RAWIO|RESOURCE|TIME)"
    "|SYS_TTY_CONFIG|WAKE_ALARM"
)


def read_component(name: str, value: Value, context: Context) -> Component:
    """The service as a component; what could not be read is left out and stands among the findings."""
    found = as_map(value)
    refuse(found, tuple(_READERS), SERVICE, context.findings)
    if found.get("image") is None:
        message = f"Give the service {quote(name)} an `image`, such as `nginx:1.29`."
        context.findings.add(Code.MISSING_IMAGE, message, found.location)
    attributes: dict[str, Any] = {"image": ""}
    for field, (attribute, read) in _READERS.items():
        raw = found.get(field)
        part = None if raw is None else context.findings.attempt(_bound(read, context), raw)
        if part is not None:
            attributes |= cast("dict[str, Any]", part) if field == "deploy" else {attribute: part}
    result = Component(name=name, **attributes)
    note_duplicates(result.mounts, result.tmpfs, found.location, context.findings)
    if result.replicas > 1 and result.writes:
        message = f"{quote(name)} writes to a volume, and two writers would spoil the data: run one replica."
        context.findings.add(Code.BAD_VALUE, message, found.location)
    return result


def _bound(read: Callable[[Value, Context], object], context: Context) -> Callable[[Value], object]:
    return lambda value: read(value, context)


def _plain(read: Callable[[Value], object]) -> Callable[[Value, Context], object]:
    return lambda value, _: read(value)


def _expose(value: Value, context: Context) -> tuple[int, ...]:
    return tuple(dict.fromkeys(context.findings.attempt_all(_port, as_list(value))))


def _port(value: Value) -> int:
    found = as_scalar(value)
    match = _PORT.fullmatch(found.text)
    if not match or int(match[1]) > 65535:
        raise bad_value(found, "write one TCP port of the container, such as `8080`")
    return int(match[1])


def _restart(value: Value, context: Context) -> str:
    word = match_pattern(value, _RESTART, "write `no`, `always`, `on-failure` or `unless-stopped`")
    policy, limited, _ = word.partition(":")
    if limited:
        message = "The panel keeps `on-failure`, without a limit of tries."
        context.findings.add(Code.NOT_KEPT, message, value.location, "warning")
    return policy


def _cap_drop(value: Value, context: Context) -> tuple[str, ...]:
    return tuple(dict.fromkeys(context.findings.attempt_all(_capability, as_list(value))))


def _capability(value: Value) -> str:
    found = as_scalar(value)
    name = found.text.upper().removeprefix("CAP_")
    if not _CAPABILITY.fullmatch(name):
        raise bad_value(found, "write `ALL` or a capability, such as `NET_RAW`")
    return name


_READERS: dict[str, tuple[str, Callable[[Value, Context], object]]] = {
    "image": ("image", _plain(read_image)),
    "command": ("command", _plain(argv)),
    "entrypoint": ("entrypoint", _plain(argv)),
    "environment": ("environment", environment),
    "expose": ("expose", _expose),
    "volumes": ("mounts", mounts),
    "tmpfs": ("tmpfs", lambda value, context: tmpfs(value, context.findings)),
    "healthcheck": ("probe", probe),
    "depends_on": ("depends_on", depends_on),
    "restart": ("restart", _restart),
    "labels": ("labels", lambda value, context: labels(value, context.findings)),
    "user": (
        "user",
        _plain(lambda value: match_pattern(value, _USER, "write a user or `user:group`, such as `1000:1000`")),
    ),
    "working_dir": ("working_dir", _plain(container_path)),
    "read_only": ("read_only", _plain(boolean)),
    "cap_drop": ("cap_drop", _cap_drop),
    "stop_grace_period": ("stop_grace", _plain(lambda value: duration(value, 0, LONGEST_GRACE))),
    "deploy": ("", deploy),
    "networks": ("networks", networks),
}
