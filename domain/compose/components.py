"""One service of the text: every field that is accepted and how it is read."""

import re
from collections.abc import Callable
from typing import Any, cast

from domain.compose.context import Context
from domain.compose.findings import Code, shown
from domain.compose.images import image
from domain.compose.limits import deploy
from domain.compose.mounts import mounts, note_duplicates, tmpfs
from domain.compose.pairs import environment, labels
from domain.compose.probes import probe
from domain.compose.references import depends_on, networks
from domain.compose.refusals import SERVICE, refuse
from domain.compose.scalars import argv, bad, boolean, matching, path, seconds
from domain.compose.values import Value, fields, items, single
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


def component(name: str, value: Value, context: Context) -> Component:
    """The service as a component; what could not be read is left out and stands among the notes."""
    found = fields(value)
    refuse(found, tuple(_READERS), SERVICE, context.notes)
    if found.get("image") is None:
        message = f"Give the service {shown(name)} an `image`, such as `nginx:1.29`."
        context.notes.add(Code.MISSING_IMAGE, message, found.place)
    attributes: dict[str, Any] = {"image": ""}
    for field, (attribute, read) in _READERS.items():
        written = found.get(field)
        part = None if written is None else context.notes.attempt(_bound(read, context), written)
        if part is not None:
            attributes |= cast("dict[str, Any]", part) if field == "deploy" else {attribute: part}
    result = Component(name=name, **attributes)
    note_duplicates(result.mounts, result.tmpfs, found.place, context.notes)
    if result.replicas > 1 and result.writes:
        message = f"{shown(name)} writes to a volume, and two writers would spoil the data: run one replica."
        context.notes.add(Code.BAD_VALUE, message, found.place)
    return result


def _bound(read: Callable[[Value, Context], object], context: Context) -> Callable[[Value], object]:
    return lambda value: read(value, context)


def _plain(read: Callable[[Value], object]) -> Callable[[Value, Context], object]:
    return lambda value, _: read(value)


def _expose(value: Value, context: Context) -> tuple[int, ...]:
    return tuple(dict.fromkeys(context.notes.each(_port, items(value))))


def _port(value: Value) -> int:
    found = single(value)
    match = _PORT.fullmatch(found.text)
    if not match or int(match[1]) > 65535:
        raise bad(found, "write one TCP port of the container, such as `8080`")
    return int(match[1])


def _restart(value: Value, context: Context) -> str:
    word = matching(value, _RESTART, "write `no`, `always`, `on-failure` or `unless-stopped`")
    policy, limited, _ = word.partition(":")
    if limited:
        message = "The panel keeps `on-failure`, without a limit of tries."
        context.notes.add(Code.NOT_KEPT, message, value.place, "warning")
    return policy


def _cap_drop(value: Value, context: Context) -> tuple[str, ...]:
    return tuple(dict.fromkeys(context.notes.each(_capability, items(value))))


def _capability(value: Value) -> str:
    found = single(value)
    name = found.text.upper().removeprefix("CAP_")
    if not _CAPABILITY.fullmatch(name):
        raise bad(found, "write `ALL` or a capability, such as `NET_RAW`")
    return name


_READERS: dict[str, tuple[str, Callable[[Value, Context], object]]] = {
    "image": ("image", _plain(image)),
    "command": ("command", _plain(argv)),
    "entrypoint": ("entrypoint", _plain(argv)),
    "environment": ("environment", environment),
    "expose": ("expose", _expose),
    "volumes": ("mounts", mounts),
    "tmpfs": ("tmpfs", lambda value, context: tmpfs(value, context.notes)),
    "healthcheck": ("probe", probe),
    "depends_on": ("depends_on", depends_on),
    "restart": ("restart", _restart),
    "labels": ("labels", lambda value, context: labels(value, context.notes)),
    "user": ("user", _plain(lambda value: matching(value, _USER, "write a user or `user:group`, such as `1000:1000`"))),
    "working_dir": ("working_dir", _plain(path)),
    "read_only": ("read_only", _plain(boolean)),
    "cap_drop": ("cap_drop", _cap_drop),
    "stop_grace_period": ("stop_grace", _plain(lambda value: seconds(value, 0, LONGEST_GRACE))),
    "deploy": ("", deploy),
    "networks": ("networks", networks),
}
