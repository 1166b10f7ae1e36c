"""Definitions of new and updated services, from the fields of a request."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, NotRequired, TypedDict, cast

from domain.definitions import files
from domain.definitions.checked import CheckedDefinition, SizeChange, check_new, resize
from domain.definitions.files import Contents
from domain.definitions.sources import SOURCES, NewSource, SourceChange, with_port, with_source
from domain.model.definition import Definition, HealthCheck
from domain.model.published_port import PublishedPort
from domain.model.service import DeployMethod, Service
from domain.ports import Ports
from domain.ports.vault import Vault

_SIZES = {"cpu_limit": "cpu", "memory_limit_mb": "memory_mb", "replicas": "replicas"}


class HealthCheckFields(TypedDict):
    """An HTTP check, as a request describes it. Times are in seconds."""

    path: str
    port: NotRequired[int | None]
    interval: NotRequired[int]
    timeout: NotRequired[int]


class PortPublication(TypedDict):
    """A port of a component that gets a port of the host."""

    component: str
    port: int
    protocol: NotRequired[Literal["tcp", "udp"]]


class ResourceLimits(TypedDict, total=False):
    """Limits of the component that serves visitors, in cores and MB; None removes one."""

    cpu_limit: float | None
    memory_limit_mb: int | None


class NewDefinition(NewSource):
    """The fields of a new service that decide what a deployment starts."""

    healthcheck: NotRequired[HealthCheckFields]
    publish: NotRequired[list[PortPublication]]
    deploy_timeout: NotRequired[int]
    auto_rollback: NotRequired[bool]
    resources: NotRequired[ResourceLimits]


class DefinitionChange(SourceChange, total=False):
    """The fields of an update that decide what a deployment starts."""

    port: int | None
    healthcheck: HealthCheckFields | None
    publish: list[PortPublication]
    deploy_timeout: int
    auto_rollback: bool
    resources: ResourceLimits


def new_definition(ports: Ports, body: NewDefinition, *, host_access: bool = False) -> CheckedDefinition:
    """Return the checked definition of a new service. Raise Invalid if a field or the policy refuses it."""
    definition = SOURCES[DeployMethod(body["deploy_method"])].new(ports, body)
    return _check(ports.vault, definition, body, {}, host_access=host_access)


def changed_definition(
    vault: Vault, service: Service, contents: Contents, body: DefinitionChange, *, host_access: bool = False
) -> CheckedDefinition:
    """Return the checked definition of a service after a merge patch. Raise Invalid as `new_definition` does.

    `contents` are those of the service's files.
    """
    definition = with_source(service, body)
    if "port" in body:
        definition = with_port(service, definition, body["port"])
    return _check(vault, definition, body, contents, host_access=host_access)


def _check(
    vault: Vault,
    definition: Definition,
    body: NewDefinition | DefinitionChange,
    contents: Contents,
    *,
    host_access: bool,
) -> CheckedDefinition:
    if "files" in body:
        merged, contents = files.merge(vault, definition.files, contents, body["files"])
        definition = replace(definition, files=merged)
    checked = check_new(vault, _with_settings(definition, body), contents, host_access=host_access)
    return resize(checked, None, size_change(body["resources"])) if "resources" in body else checked


def _with_settings(definition: Definition, body: NewDefinition | DefinitionChange) -> Definition:
    if "profiles" in body:
        definition = replace(definition, profiles=tuple(dict.fromkeys(body["profiles"])))
    if "healthcheck" in body:
        definition = replace(definition, health_check=merge(definition.health_check, body["healthcheck"]))
    if "publish" in body:
        definition = replace(definition, publish=merge_published(definition.publish, body["publish"]))
    if "deploy_timeout" in body:
        definition = replace(definition, timeout=body["deploy_timeout"])
    if "auto_rollback" in body:
        definition = replace(definition, auto_rollback=body["auto_rollback"])
    return definition


def merge(before: HealthCheck | None, change: HealthCheckFields | None) -> HealthCheck | None:
    """Return a health check after a merge patch: None removes it, absent members stay."""
    if change is None:
        return None
    return replace(before, **change) if before else HealthCheck(**change)


def merge_published(before: tuple[PublishedPort, ...], wanted: Iterable[PortPublication]) -> tuple[PublishedPort, ...]:
    """Return the ports to publish. Those that were published before keep their ports of the host."""
    known = {replace(port, host_port=0): port for port in before}
    ports = (PublishedPort(each["component"], each["port"], each.get("protocol", "tcp")) for each in wanted)
    return tuple(known.get(port, port) for port in dict.fromkeys(ports))


def size_change(fields: Mapping[str, object]) -> SizeChange:
    """Return the fields of a request that are sizes, by the names that sizes have in a definition."""
    return cast(SizeChange, {_SIZES[name]: value for name, value in fields.items() if name in _SIZES})
