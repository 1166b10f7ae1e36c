"""From what a caller asks for to a definition that passes the policy; nothing is deployed that has not been here."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain import compose
from domain.compose import Checked
from domain.errors import Invalid
from domain.model import Definition, HealthCheck, Limits, Size, Variable
from domain.ports import Vault
from domain.project import Project


def opened(vault: Vault, variables: tuple[Variable, ...]) -> dict[str, str]:
    """The plain values of all variables: only for starting containers and for `env/reveal`."""
    return {one.name: vault.open(one.value) if one.secret else one.value for one in variables}


def variables(vault: Vault, plain: Mapping[str, str], secret: Mapping[str, str]) -> tuple[Variable, ...]:
    """Variables as they are stored, by name; the secret ones sealed. Raise Invalid for a name that is both."""
    both = sorted(plain.keys() & secret.keys())
    if both:
        raise Invalid(
            {f"secrets.{name}": "is among the variables too; a name is either plain or secret" for name in both}
        )
    wrong = {f"variables.{name}": "contains a NUL character" for name, value in plain.items() if "\0" in value}
    wrong |= {f"secrets.{name}": "contains a NUL character" for name, value in secret.items() if "\0" in value}
    if wrong:
        raise Invalid(wrong)
    stored = [Variable(name, value) for name, value in plain.items()]
    stored += [Variable(name, vault.seal(value), secret=True) for name, value in secret.items()]
    return tuple(sorted(stored, key=lambda variable: variable.name))


def project(vault: Vault, definition: Definition) -> Project:
    """What the definition starts. Raise Invalid when the policy refuses it."""
    checked = compose.check(definition.compose, opened(vault, definition.variables))
    if checked.project is None:
        raise Invalid({"compose": told(checked)})
    scaled = compose.scaled(checked.project, definition.sizes)
    _port_must_be_exposed(scaled, definition.port)
    _writers_must_be_alone(scaled)
    return scaled


def told(checked: Checked) -> str:
    """All that is wrong in one message for the field `compose`; a warning is no reason to refuse."""
    wrong = (one for one in checked.findings if one.severity == "error")
    return "; ".join(f"line {one.line}: {one.message} ({one.code})" for one in wrong)


def limits(checked: Project) -> Limits:
    """What all replicas of all components together may take."""
    cpus = [component.cpu for component in checked.components for _ in range(component.replicas)]
    memories = [component.memory_mb for component in checked.components for _ in range(component.replicas)]
    return Limits(
        cpu=None if None in cpus else sum(cpu for cpu in cpus if cpu is not None),
        memory_mb=None if None in memories else sum(memory for memory in memories if memory is not None),
    )


def health_check(body: Mapping[str, Any] | None) -> HealthCheck | None:
    """The health check that a body describes."""
    return HealthCheck(**body) if body else None


def resized(definition: Definition, checked: Project, component: str | None, change: Mapping[str, Any]) -> Definition:
    """The definition with other replicas, cpu or memory for one component: the one visitors reach when unnamed."""
    front = checked.front(definition.port)
    name = component or (front[0] if front else checked.components[0]).name
    if checked.component(name) is None:
        raise Invalid({"component": f"the compose text has no service {name}"})
    return replace(definition, sizes={**definition.sizes, name: replace(definition.sizes.get(name, Size()), **change)})


def _port_must_be_exposed(checked: Project, port: int | None) -> None:
    exposed = sorted({exposed for component in checked.components for exposed in component.expose})
    if port is not None and exposed and port not in exposed:
        raise Invalid({"port": f"the compose text does not expose {port}; it exposes {', '.join(map(str, exposed))}"})


def _writers_must_be_alone(checked: Project) -> None:
    for component in checked.components:
        if component.replicas > 1 and component.writes:
            raise Invalid({"replicas": f"{component.name} writes to a volume, and two writers would spoil the data"})
