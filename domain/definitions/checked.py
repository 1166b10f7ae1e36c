"""Check a definition against the compose policy. Only a checked definition may be stored or deployed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from domain import compose
from domain.compose import Finding
from domain.definitions import variables
from domain.definitions.attachments import mount_attachments
from domain.definitions.files import Contents, decode
from domain.definitions.variables import decrypt
from domain.errors import Invalid
from domain.model.definition import Definition, Size
from domain.model.masking import MASK
from domain.model.project import Project
from domain.model.service import DeployMethod, Limits, Service
from domain.model.volume import Attachment
from domain.ports.vault import Vault


class SizeChange(TypedDict, total=False):
    """A change of a component's size: None removes a limit, absent keys stay."""

    replicas: int | None
    cpu: float | None
    memory_mb: int | None


@dataclass(frozen=True)
class CheckedDefinition:
    """A definition that passed the policy, with what it starts. Made by `check` and `resize` alone.

    `project` has the definition's sizes applied, `values` are the plain values of all variables. `contents` are those
    of the definition's files, as they are stored.
    """

    definition: Definition
    project: Project = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    parsed: Project = field(repr=False)
    """The project as the compose text alone describes it."""
    contents: Contents = field(repr=False)
    warnings: tuple[Finding, ...]

    @property
    def limits(self) -> Limits:
        """What all replicas of all components may use together."""
        replicas = [component for component in self.project.components for _ in range(component.replicas)]
        cpus, memories = [replica.cpu for replica in replicas], [replica.memory_mb for replica in replicas]
        return Limits(
            cpu=None if None in cpus else round(sum(cpu for cpu in cpus if cpu is not None), 3),
            memory_mb=None if None in memories else sum(memory for memory in memories if memory is not None),
        )


def check(vault: Vault, definition: Definition, contents: Contents, *, host_access: bool = False) -> CheckedDefinition:
    """Decrypt variables and files, and parse the compose text once. Raise Invalid if the policy refuses it.

    `contents` are those of the definition's files. `host_access`: the service may have power over the host. Sizes of
    components that the text no longer has are dropped. This takes long for large texts: call it outside of
    transactions.
    """
    values, files = decrypt(vault, definition.variables), decode(vault, definition.files, contents)
    return _check(definition, contents, values, files, host_access=host_access)


def check_new(
    vault: Vault, definition: Definition, contents: Contents, *, host_access: bool = False
) -> CheckedDefinition:
    """Check a definition that a caller wants to store. Raise Invalid as `check` does.

    It is also refused if it is too large, or if the value of a secret decides anything but what is kept from callers
    (`_HIDDEN`): callers may see the rest, and messages about it, without the permission to reveal secrets.
    """
    variables.require_bounded(definition.variables)
    values, files = decrypt(vault, definition.variables), decode(vault, definition.files, contents)
    secret_names = {variable.name for variable in definition.variables if variable.secret}
    secret_paths = {file.path for file in definition.files if file.secret}
    if not secret_names and not secret_paths:
        return _check(definition, contents, values, files, host_access=host_access)
    shown = _check(
        definition,
        contents,
        {name: MASK if name in secret_names else value for name, value in values.items()},
        {path: b"" if path in secret_paths else content for path, content in files.items()},
        host_access=host_access,
    )
    try:
        checked = _check(definition, contents, values, files, host_access=host_access)
    except Invalid:
        raise Invalid({"compose": _TOO_REVEALING}) from None
    if _without_hidden_fields(checked.project) != _without_hidden_fields(shown.project):
        raise Invalid({"compose": _TOO_REVEALING})
    return replace(checked, warnings=shown.warnings)


_HIDDEN: dict[str, Any] = {
    "environment": {},
    "command": None,
    "entrypoint": None,
    "probe": None,
    "files": (),
    "labels": {},
}
_TOO_REVEALING = (
    "a secret decides more than environment, command, entrypoint, healthcheck, configs, secrets and labels; use a plain"
    " variable there"
)


def _without_hidden_fields(project: Project) -> Project:
    return replace(project, components=tuple(replace(component, **_HIDDEN) for component in project.components))


def _check(
    definition: Definition,
    contents: Contents,
    values: Mapping[str, str],
    files: Mapping[str, bytes],
    *,
    host_access: bool,
) -> CheckedDefinition:
    result = compose.check(definition.compose, values, files, definition.profiles, host_access=host_access)
    if result.project is None:
        raise Invalid({"compose": error_summary(result.findings)})
    names = {component.name for component in result.project.components}
    sizes = {name: size for name, size in definition.sizes.items() if name in names}
    warnings = (*compose.unused_variables(result, values), *result.findings)
    checked = CheckedDefinition(definition, result.project, values, result.project, contents, warnings)
    return _with_sizes(checked, sizes)


def resize(checked: CheckedDefinition, component: str | None, change: SizeChange) -> CheckedDefinition:
    """Return the definition with another size of one component; without a name, of the component that serves visitors.

    Raise Invalid if there is no such component or the size is not allowed. The text is not parsed again.
    """
    definition = checked.definition
    name = component or _main_component(checked.project, definition.port)
    if checked.project.component(name) is None:
        raise Invalid({"component": f"the compose text has no service {name}"})
    sizes = {**definition.sizes, name: replace(definition.sizes.get(name, Size()), **change)}
    sizes = {name: size for name, size in sizes.items() if size != Size()}
    return _with_sizes(checked, sizes)


def attach(checked: CheckedDefinition, volumes: tuple[Attachment, ...]) -> CheckedDefinition:
    """Return the definition with other attached volumes. Raise Invalid if one cannot be mounted.

    The text is not parsed again.
    """
    definition = replace(checked.definition, volumes=volumes)
    return _with_sizes(replace(checked, definition=definition), definition.sizes)


def main_component(checked: CheckedDefinition) -> str:
    """Return the name of the component that serves visitors, or of the first one."""
    return _main_component(checked.project, checked.definition.port)


def with_default_size(checked: CheckedDefinition, size: Size) -> CheckedDefinition:
    """Return the definition with limits for the containers that have none. The text is not parsed again."""
    definition = replace(checked.definition, default_size=size)
    return _with_sizes(replace(checked, definition=definition), definition.sizes)


def set_definition(service: Service, checked: CheckedDefinition) -> None:
    """Make a checked definition the service's own, with the fields that follow from it."""
    definition = checked.definition
    service.environment_revision += definition.variables != service.definition.variables
    service.definition, service.limits = definition, checked.limits
    if service.deploy_method is DeployMethod.IMAGE:
        service.image = checked.project.components[0].image


def error_summary(findings: Iterable[Finding]) -> str:
    """Return all errors as one message; warnings are left out."""
    errors = (finding for finding in findings if finding.severity == "error")
    return "; ".join(f"line {error.line}: {error.message} ({error.code})" for error in errors)


def _main_component(project: Project, port: int | None) -> str:
    endpoint = project.public_endpoint(port)
    return endpoint[0].name if endpoint else project.main_component.name


def _with_sizes(checked: CheckedDefinition, sizes: dict[str, Size]) -> CheckedDefinition:
    definition = replace(checked.definition, sizes=sizes)
    project = compose.apply_default_size(compose.apply_sizes(checked.parsed, sizes), definition.default_size)
    project = mount_attachments(project, definition.volumes)
    _require_exposed(project, definition.port)
    _require_single_writers(project)
    for published in definition.publish:
        _require_publishable(project, published.component)
    return replace(checked, definition=definition, project=project)


def _require_exposed(project: Project, port: int | None) -> None:
    exposed = sorted({exposed for component in project.components for exposed in component.expose})
    if port is not None and exposed and port not in exposed:
        raise Invalid({"port": f"the compose text does not expose {port}; it exposes {', '.join(map(str, exposed))}"})


def _require_single_writers(project: Project) -> None:
    for component in project.components:
        if component.replicas > 1 and component.writes:
            raise Invalid({"replicas": f"{component.name} writes to a volume: run one replica to protect the data"})


def _require_publishable(project: Project, name: str) -> None:
    """Raise Invalid unless the component is one container that is reachable from outside."""
    component = project.component(name)
    if component is None:
        raise Invalid({"publish": f"the compose text has no service {name}"})
    if component.replicas > 1:
        raise Invalid(
            {"publish": f"{name} has {component.replicas} replicas, and a port leads to one; run one replica"}
        )
    if all(project.networks[network] for network in component.networks):
        raise Invalid({"publish": f"{name} is in no network with access to the outside"})
