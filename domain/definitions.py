"""From what a caller asks for to a definition that passes the policy; nothing is deployed that has not been here."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from domain import compose
from domain.compose import CheckResult
from domain.errors import Invalid
from domain.model.definition import Definition, HealthCheck, Size, Variable
from domain.model.project import Project
from domain.model.service import DeployMethod, Limits, Service
from domain.ports.vault import Vault


def opened(vault: Vault, variables: tuple[Variable, ...]) -> dict[str, str]:
    """The plain values of all variables: only for starting containers and for `env/reveal`."""
    return {one.name: vault.decrypt(one.value) if one.secret else one.value for one in variables}


def variables(vault: Vault, plain: Mapping[str, str | None], secret: Mapping[str, str | None]) -> tuple[Variable, ...]:
    """Variables as they are stored, the secret ones sealed; those without a value are left to the caller.

    Raise Invalid for a name that has a value in both: it is either plain or secret.
    """
    wrong = {
        f"secrets.{name}": "is among the variables too; a name is either plain or secret"
        for name in plain.keys() & secret.keys()
        if plain[name] is not None and secret[name] is not None
    }
    for field, values in (("variables", plain), ("secrets", secret)):
        wrong |= {
            f"{field}.{name}": "contains a NUL character" for name, value in values.items() if "\0" in (value or "")
        }
    if wrong:
        raise Invalid(wrong)
    stored = [Variable(name, value) for name, value in plain.items() if value is not None]
    stored += [Variable(name, vault.encrypt(value), secret=True) for name, value in secret.items() if value is not None]
    return by_name(stored)


def by_name(stored: Iterable[Variable]) -> tuple[Variable, ...]:
    """Variables in the one order in which they are kept, so that equal ones compare equal."""
    return tuple(sorted(stored, key=lambda variable: variable.name))


def project(vault: Vault, definition: Definition) -> Project:
    """What the definition starts. Raise Invalid when the policy refuses it."""
    scaled = compose.apply_sizes(_read(vault, definition), definition.sizes)
    _port_must_be_exposed(scaled, definition.port)
    _writers_must_be_alone(scaled)
    return scaled


def _read(vault: Vault, definition: Definition) -> Project:
    checked = compose.check(definition.compose, opened(vault, definition.variables))
    if checked.project is None:
        raise Invalid({"compose": told(checked)})
    return checked.project


def adopt(vault: Vault, service: Service, definition: Definition) -> None:
    """Make a definition the service's own, with all that follows from it. Raise Invalid when the policy refuses it."""
    checked = project(vault, definition)
    service.environment_revision += definition.variables != service.definition.variables
    service.definition, service.limits = definition, limits(checked)
    if service.deploy_method is DeployMethod.IMAGE:
        service.image = checked.components[0].image


def sourced(vault: Vault, service: Service, body: Mapping[str, Any]) -> Definition:
    """The service's definition with the `image`, `compose` and `port` of a body.

    Raise Invalid when the service came another way. Sizes of components that the new text lacks are forgotten.
    """
    wrong = {
        field: f"this service is deployed from {service.deploy_method}, not from {method}"
        for field, method in (("image", DeployMethod.IMAGE), ("compose", DeployMethod.COMPOSE))
        if field in body and service.deploy_method is not method
    }
    if wrong:
        raise Invalid(wrong)
    before = service.definition
    text = body.get("compose", before.compose)
    if service.deploy_method is DeployMethod.IMAGE:
        text = _rewritten(text, body)
    changed = replace(before, compose=text, port=body.get("port", before.port))
    if text == before.compose:
        return changed
    components = {component.name for component in _read(vault, changed).components}
    return replace(changed, sizes={name: size for name, size in before.sizes.items() if name in components})


def _rewritten(text: str, body: Mapping[str, Any]) -> str:
    """The text of an image is the panel's own, so it follows what its owner changes."""
    text = compose.with_image(text, body["image"]) if "image" in body else text
    return compose.with_port(text, body["port"]) if "port" in body else text


def told(checked: CheckResult) -> str:
    """All that is wrong in one message for the field `compose`; a warning is no reason to refuse."""
    wrong = (one for one in checked.findings if one.severity == "error")
    return "; ".join(f"line {one.line}: {one.message} ({one.code})" for one in wrong)


def limits(checked: Project) -> Limits:
    """What all replicas of all components together may take."""
    cpus = [component.cpu for component in checked.components for _ in range(component.replicas)]
    memories = [component.memory_mb for component in checked.components for _ in range(component.replicas)]
    return Limits(
        cpu=None if None in cpus else round(sum(cpu for cpu in cpus if cpu is not None), 3),
        memory_mb=None if None in memories else sum(memory for memory in memories if memory is not None),
    )


def health_check(body: Mapping[str, Any], before: HealthCheck | None) -> HealthCheck | None:
    """The health check once a body is merged into it: null removes, what is not named stays."""
    if "health_check" not in body:
        return before
    changes = body["health_check"]
    if changes is None:
        return None
    return replace(before, **changes) if before else HealthCheck(**changes)


def resized(definition: Definition, checked: Project, component: str | None, change: Mapping[str, Any]) -> Definition:
    """The definition with other replicas, cpu or memory for one component: the one visitors reach when unnamed."""
    front = checked.public_endpoint(definition.port)
    name = component or (front[0].name if front else checked.main_component.name)
    if checked.component(name) is None:
        raise Invalid({"component": f"the compose text has no service {name}"})
    size = replace(definition.sizes.get(name, Size()), **change)
    others = {other: kept for other, kept in definition.sizes.items() if other != name}
    return replace(definition, sizes=others if size == Size() else {**others, name: size})


def _port_must_be_exposed(checked: Project, port: int | None) -> None:
    exposed = sorted({exposed for component in checked.components for exposed in component.expose})
    if port is not None and exposed and port not in exposed:
        raise Invalid({"port": f"the compose text does not expose {port}; it exposes {', '.join(map(str, exposed))}"})


def _writers_must_be_alone(checked: Project) -> None:
    for component in checked.components:
        if component.replicas > 1 and component.writes:
            raise Invalid({"replicas": f"{component.name} writes to a volume, and two writers would spoil the data"})
