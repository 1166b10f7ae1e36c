"""`configs` and `secrets` of a service: files with a content that the text declares."""

from collections.abc import Mapping
from typing import Any

from domain.compose.configs import Configs
from domain.compose.context import Context
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError, FindingCollector
from domain.compose.mount_entries import mount_target
from domain.compose.scalars import file_mode, integer
from domain.compose.values import MapValue, Value, as_list, as_scalar
from domain.model.project import ContainerFile

_FIELDS = ("source", "target", "uid", "gid", "mode")
_HIGHEST_ID = 2**31 - 1


def read_configs(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the configs of a service; a config without a target is `/NAME`."""
    return {"files": _read(value, context.configs, "/", context)}


def read_secrets(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the secrets of a service; a secret without an absolute target is `/run/secrets/NAME`."""
    return {"files": _read(value, context.secrets, "/run/secrets/", context)}


def _read(value: Value, configs: Configs, directory: str, context: Context) -> tuple[ContainerFile, ...]:
    def read(item: Value) -> ContainerFile:
        file = _file(item, configs, directory, context.findings)
        context.budget.spend(len(file.content), item.location)
        return file

    return context.findings.attempt_all(read, as_list(value))


def _file(value: Value, configs: Configs, directory: str, findings: FindingCollector) -> ContainerFile:
    if not isinstance(value, MapValue):
        name = as_scalar(value)
        return ContainerFile(mount_target(name, directory + name.text), configs.content(name.text, name))
    check_fields(value, _FIELDS, FieldRules(), findings)
    source = value.get("source")
    if source is None:
        message = f"Write `source`: a name from the top-level `{configs.kind}`."
        raise FieldError(Code.BAD_VALUE, message, value.location)
    name, target, mode = as_scalar(source), value.get("target"), value.get("mode")
    path = as_scalar(target) if target else name
    absolute = path.text if path.text.startswith("/") else directory + path.text
    return ContainerFile(
        path=mount_target(path, absolute),
        content=configs.content(name.text, name),
        mode=file_mode(mode) if mode else 0o444,
        uid=_id(value.get("uid")),
        gid=_id(value.get("gid")),
    )


def _id(value: Value | None) -> int:
    return integer(value, 0, _HIGHEST_ID) if value else 0
