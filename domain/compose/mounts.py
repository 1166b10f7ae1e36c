"""Volumes and tmpfs of a service: named volumes of the project only, nothing of the host."""

import re
from typing import NoReturn

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, FindingCollector, Location, quote
from domain.compose.refusals import MOUNT, refuse
from domain.compose.scalars import bad_value, boolean, non_empty_text, normalize_path
from domain.compose.values import ListValue, MapValue, ScalarValue, Value, as_list, as_scalar
from domain.model.project import Mount

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_OPTION = re.compile(r"ro|rw|noexec|nosuid|nodev|(uid|gid)=[0-9]{1,9}|mode=[0-7]{3,4}|size=[1-9][0-9]{0,11}[kmgKMG]?")
_KERNEL_FOLDERS = ("", "proc", "sys", "dev")
_SHORT = "write `name:/path`, `name:/path:ro` or the long form"
_LONG = ("type", "source", "target", "read_only")


def mounts(value: Value, context: Context) -> tuple[Mount, ...]:
    """The named volumes of one service and where they appear."""
    return context.findings.attempt_all(lambda item: _mount(item, context), as_list(value))


def _mount(value: Value, context: Context) -> Mount:
    if isinstance(value, MapValue):
        return _long(value, context)
    return _short(as_scalar(value), context)


def _short(value: ScalarValue, context: Context) -> Mount:
    if "docker.sock" in value.text:
        _refuse_socket(value.location)
    source, colon, rest = value.text.partition(":")
    if _is_host(value.text if _WINDOWS.match(value.text) else source, anonymous=not colon):
        _refuse_host(value.location)
    if not colon:
        message = f"Write a name before {quote(value.raw)}, such as `data:/path`, or each deployment loses the data."
        raise FieldError(Code.ANONYMOUS_VOLUME_REFUSED, message, value.location)
    target, _, mode = rest.partition(":")
    if mode not in ("", "ro", "rw"):
        raise bad_value(value, "a mode is `ro` or `rw`; " + _SHORT)
    return Mount(_declared(source, value, context), _target(value, target), mode == "ro")


def _long(value: MapValue, context: Context) -> Mount:
    refuse(value, _LONG, MOUNT, context.findings)
    if any(isinstance(part, ScalarValue) and "docker.sock" in part.text for part in value.entries.values()):
        _refuse_socket(value.location)
    parts = {key: value.get(key) for key in _LONG}
    kind = as_scalar(parts["type"]).text if parts["type"] else "volume"
    source = as_scalar(parts["source"]) if parts["source"] else None
    if kind in ("bind", "npipe") or (source and _is_host(source.text)):
        _refuse_host(value.location)
    if kind != "volume":
        message = "The type of a mount is `volume`; for memory write the service's `tmpfs`."
        raise FieldError(Code.UNSUPPORTED_FIELD, message, value.location)
    if not source or not parts["target"]:
        message = "Write `source` (the volume's name) and `target` (the path inside the container)."
        raise FieldError(Code.BAD_VALUE, message, value.location)
    target = as_scalar(parts["target"])
    read_only = boolean(parts["read_only"]) if parts["read_only"] else False
    return Mount(_declared(source.text, source, context), _target(target, target.text), read_only)


def _target(value: ScalarValue, raw: str) -> str:
    """Where a mount appears: anywhere but over the folders that the kernel fills."""
    target = normalize_path(value, raw)
    if target.split("/")[1] in _KERNEL_FOLDERS:
        raise bad_value(value, "choose a folder other than `/`, `/proc`, `/sys` and `/dev`")
    return target


def _is_host(source: str, *, anonymous: bool = False) -> bool:
    """Whether a source is a path. Alone, an absolute path means an anonymous volume instead."""
    if anonymous and source.startswith("/"):
        return False
    return source.startswith((".", "~")) or "/" in source or "\\" in source


def _refuse_host(location: Location) -> NoReturn:
    message = "Folders of the host cannot be mounted: declare a volume under the top-level `volumes` and mount that."
    raise FieldError(Code.HOST_MOUNT_REFUSED, message, location)


def _refuse_socket(location: Location) -> NoReturn:
    message = "Remove this mount: the engine's socket is never given to a service."
    raise FieldError(Code.DOCKER_SOCKET_REFUSED, message, location)


def _declared(name: str, value: ScalarValue, context: Context) -> str:
    if not _NAME.fullmatch(name):
        raise bad_value(value, _SHORT)
    if name not in context.volumes:
        raw = quote(value.raw.partition(":")[0])
        message = f"Declare the volume under the top-level `volumes`: {raw} is not there."
        raise FieldError(Code.UNKNOWN_VOLUME, message, value.location)
    return name


def volume_name(name: str) -> bool:
    """Whether a volume may be called so."""
    return bool(_NAME.fullmatch(name))


def tmpfs(value: Value, findings: FindingCollector) -> tuple[str, ...]:
    """Paths that live in memory, each with its options after a colon."""
    values = value.items if isinstance(value, ListValue) else (value,)
    return findings.attempt_all(_tmpfs, values)


def _tmpfs(value: Value) -> str:
    raw = non_empty_text(value)
    target, colon, options = raw.partition(":")
    if colon and not all(_OPTION.fullmatch(option) for option in options.split(",")):
        raise bad_value(
            as_scalar(value), "options are `size=64m`, `mode=1777`, `uid=`, `gid=`, `ro`, `noexec`, `nosuid`, `nodev`"
        )
    return _target(as_scalar(value), target) + colon + options


def note_duplicates(
    mounted: tuple[Mount, ...], in_memory: tuple[str, ...], location: Location, findings: FindingCollector
) -> None:
    """Note each path that two mounts of a service share."""
    paths = [mount.path for mount in mounted] + [entry.partition(":")[0] for entry in in_memory]
    if len(set(paths)) < len(paths):
        findings.add(Code.DUPLICATE_MOUNT, "Two mounts have the same path: give each a path of its own.", location)
