"""`volumes` and `tmpfs` of a service: volumes of the project, given files and memory; nothing of the host."""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from domain.compose.bind_mounts import given_file, is_path, read_bind
from domain.compose.context import Context
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError, FindingCollector, Location, quote
from domain.compose.mount_entries import MountEntry, mount_target, refuse_socket, volume_of_service
from domain.compose.refusals import BIND, MOUNT, TMPFS, VOLUME_MOUNT
from domain.compose.scalars import bad_value, boolean, byte_size, choice, file_mode, non_empty_text, normalize_path
from domain.compose.values import ListValue, MapValue, ScalarValue, Value, as_list, as_map, as_scalar
from domain.model.project import Component, Mount

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_TMPFS_OPTION = re.compile(
    r"ro|rw|exec|noexec|nosuid|nodev|(uid|gid)=[0-9]{1,9}|mode=[0-7]{3,4}|size=[1-9][0-9]{0,11}[kmgKMG]?"
)
_MODES = frozenset({"", "ro", "rw", "z", "Z", "cached", "delegated", "consistent", "nocopy", "copy"})
_FORMS = "write `name:/path`, `./directory:/path`, `/path` or the long form"
_LONG = ("type", "source", "target", "read_only", "bind", "volume", "tmpfs", "content")


def read_mounts(value: Value, context: Context) -> Mapping[str, Any]:
    """Read `volumes`. Of two entries with the same path the last one counts, as in compose."""
    entries: dict[str, MountEntry] = {}
    for entry in context.findings.attempt_all(lambda item: _entry(item, context), as_list(value)):
        if entry.path in entries:
            message = f"{quote(entry.target.raw)} has the same path as an entry before, which is left out. Remove one."
            context.findings.warn(Code.DUPLICATE_MOUNT, message, entry.target.location)
        entries[entry.path] = entry
    host = tuple(entry.host for entry in entries.values() if entry.host)
    return {
        **({"host": {"mounts": host}} if host else {}),
        "mounts": tuple(entry.mount for entry in entries.values() if entry.mount),
        "files": tuple(file for entry in entries.values() for file in entry.files),
        "tmpfs": tuple(entry.tmpfs for entry in entries.values() if entry.tmpfs),
    }


def _entry(value: Value, context: Context) -> MountEntry:
    if isinstance(value, MapValue):
        return _long(value, context)
    return _short(as_scalar(value), context)


def _short(value: ScalarValue, context: Context) -> MountEntry:
    if "docker.sock" in value.text and not context.host_access:
        refuse_socket(value.location)
    source, target, options = _split(value)
    if options - _MODES:
        message = "The panel applies `ro`, `rw` and `nocopy`; other mount options have no effect."
        context.findings.warn(Code.NOT_KEPT, message, value.location)
    path, read_only = mount_target(value, target), "ro" in options
    if not source:
        return _anonymous(value, path, read_only, context)
    if is_path(source):
        return read_bind(value, source, path, read_only, context)
    volume = context.volumes.use(source, value)
    return MountEntry(path, value, Mount(volume, path, read_only, "nocopy" in options))


def _split(value: ScalarValue) -> tuple[str, str, frozenset[str]]:
    """Split the short form into source (empty for an anonymous volume), target and options."""
    drive = value.text[:2] if _WINDOWS.match(value.text) and value.text.count(":") > 1 else ""
    parts = value.text[len(drive) :].split(":")
    if len(parts) == 1:
        return "", value.text, frozenset()
    if not parts[0] or len(parts) > 3:
        raise bad_value(value, _FORMS)
    return drive + parts[0], parts[1], frozenset(",".join(parts[2:]).split(","))


def _anonymous(value: ScalarValue, path: str, read_only: bool, context: Context) -> MountEntry:
    volume = context.volumes.for_anonymous(context.service, path)
    message = f"{quote(value.raw)} → {volume_of_service(value, volume)}, whose data deployments keep."
    context.findings.warn(Code.TRANSLATED, message, value.location)
    return MountEntry(path, value, Mount(volume, path, read_only))


def _long(value: MapValue, context: Context) -> MountEntry:
    check_fields(value, _LONG, MOUNT, context.findings)
    texts = [part.text for part in value.entries.values() if isinstance(part, ScalarValue)]
    if any("docker.sock" in text for text in texts) and not context.host_access:
        refuse_socket(value.location)
    target = _required(value, "target", "the path inside the container")
    path = mount_target(target, target.text)
    kind = value.get("type")
    form = choice(kind, _LONG_FORMS) if kind else "volume"
    return _LONG_FORMS[form](value, target, path, context)


def _long_volume(value: MapValue, target: ScalarValue, path: str, context: Context) -> MountEntry:
    read_only, no_copy = _flag(value, "read_only"), _flag(_options(value, "volume", ("nocopy",), context), "nocopy")
    source = value.get("source")
    if source is None:
        return _anonymous(target, path, read_only, context)
    name = as_scalar(source)
    if is_path(name.text):
        return read_bind(name, name.text, path, read_only, context)
    return MountEntry(path, target, Mount(context.volumes.use(name.text, name), path, read_only, no_copy))


def _long_bind(value: MapValue, target: ScalarValue, path: str, context: Context) -> MountEntry:
    _options(value, "bind", (), context)
    content = value.get("content")
    if content:
        return MountEntry(
            path, target, files=(given_file(path, as_scalar(content).text.encode(), _flag(value, "read_only")),)
        )
    source = _required(value, "source", "a path beside the text, such as `./data`")
    return read_bind(source, source.text, path, _flag(value, "read_only"), context)


def _long_tmpfs(value: MapValue, target: ScalarValue, path: str, context: Context) -> MountEntry:
    options = _options(value, "tmpfs", ("size", "mode"), context)
    size, mode = options.get("size"), options.get("mode")
    words = [f"size={byte_size(size, 1)}"] if size else []
    words += [f"mode={file_mode(mode):04o}"] if mode else []
    words += ["ro"] if _flag(value, "read_only") else []
    return MountEntry(path, target, tmpfs=path + ":" * bool(words) + ",".join(words))


_LONG_FORMS = {"volume": _long_volume, "bind": _long_bind, "tmpfs": _long_tmpfs}
_OPTION_RULES: Mapping[str, FieldRules] = {"bind": BIND, "volume": VOLUME_MOUNT, "tmpfs": TMPFS}


def _options(value: MapValue, kind: str, accepted: tuple[str, ...], context: Context) -> MapValue:
    written = value.get(kind)
    options = as_map(written) if written else MapValue(value.location, {})
    check_fields(options, accepted, _OPTION_RULES[kind], context.findings)
    return options


def _flag(value: MapValue, name: str) -> bool:
    written = value.get(name)
    return boolean(written) if written else False


def _required(value: MapValue, name: str, meaning: str) -> ScalarValue:
    written = value.get(name)
    if written is None:
        raise FieldError(Code.BAD_VALUE, f"Write `{name}`: {meaning}.", value.location)
    return as_scalar(written)


def read_tmpfs(value: Value, context: Context) -> Mapping[str, Any]:
    """Read paths that live in memory, each with its options after a colon."""
    values = value.items if isinstance(value, ListValue) else (value,)
    return {"tmpfs": context.findings.attempt_all(_tmpfs, values)}


def _tmpfs(value: Value) -> str:
    text = non_empty_text(value)
    target, _, options = text.partition(":")
    scalar = as_scalar(value)
    if options and not all(_TMPFS_OPTION.fullmatch(option) for option in options.split(",")):
        raise bad_value(
            scalar, "options are `size=64m`, `mode=1777`, `uid=`, `gid=`, `ro`, `exec`, `noexec`, `nosuid`, `nodev`"
        )
    path = normalize_path(scalar, target)
    return (path if path == "/dev/shm" else mount_target(scalar, target)) + (":" + options if options else "")  # noqa: S108


def check_duplicate_paths(component: Component, section: MapValue, findings: FindingCollector) -> None:
    """Add a finding for each path in memory at which something else is mounted."""
    paths = Counter([mount.path for mount in component.mounts] + [_path(entry) for entry in component.tmpfs])
    for path in (path for path, count in paths.items() if count > 1):
        message = f"{quote(path)} stands under `volumes` and under `tmpfs`. Remove one of the two."
        findings.add(Code.DUPLICATE_MOUNT, message, _tmpfs_location(section, path))


def _tmpfs_location(section: MapValue, path: str) -> Location:
    """Return the location of a path under `tmpfs`, or of the field, or of the service."""
    field = section.get("tmpfs") or section.get("volumes") or section
    entries = field.items if isinstance(field, ListValue) else ()
    texts = ((entry, entry.text) for entry in entries if isinstance(entry, ScalarValue))
    return next((entry.location for entry, text in texts if posixpath.normpath(_path(text)) == path), field.location)


def _path(entry: str) -> str:
    return entry.partition(":")[0]
