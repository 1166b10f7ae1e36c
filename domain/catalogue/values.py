"""From a template and the values given for it to the definition of a new service."""

import secrets
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.catalogue import builtin
from domain.catalogue.spec.template import Template, TemplateVariable
from domain.errors import Conflict, Invalid
from domain.model.definition import Definition, Variable
from domain.ports.vault import Vault

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Resolved:
    """What every variable will be; `generated` names those whose values are still to be made."""

    values: Mapping[str, str]
    generated: tuple[str, ...] = ()


def definition(vault: Vault, template_id: str, given: Mapping[str, str]) -> Definition:
    """What a service made from the template starts with: secrets are generated here, and sealed."""
    template = builtin.builtin().get(template_id)
    if template is None:
        raise Invalid({"template": "There is no such template"})
    if template.coming_soon:
        raise Conflict(f"{template.name} cannot be deployed yet", details="The template is announced as coming soon")
    return Definition(
        compose=template.compose,
        variables=seal(vault, template, resolve(template, given)),
        port=template.expose.port,
        health_check=template.healthcheck,
    )


def resolve(template: Template, given: Mapping[str, str]) -> Resolved:
    """The given values, checked, and defaults for the others; an empty value counts as not given."""
    declared = {variable.name: variable for variable in template.variables}
    faults = {f"variables.{name}": "This template has no such variable" for name in given if name not in declared}
    faults |= {f"variables.{name}": fault for name, fault in _faults(template, given)}
    if faults:
        raise Invalid(faults)
    generated = tuple(name for name, variable in declared.items() if variable.generate and not given.get(name))
    values = {name: given.get(name) or variable.default or "" for name, variable in declared.items()}
    return Resolved({name: value for name, value in values.items() if name not in generated}, generated)


def _faults(template: Template, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable in template.variables:
        value = given.get(variable.name) or variable.default
        fault = variable.fault(value) if value else _missing(variable)
        if fault:
            yield variable.name, fault


def _missing(variable: TemplateVariable) -> str | None:
    return f"{variable.label} is required" if variable.required and not variable.generate else None


def seal(vault: Vault, template: Template, resolved: Resolved) -> tuple[Variable, ...]:
    """The variables of the new service, in the template's order, with generated values in place."""
    return tuple(_sealed(vault, variable, resolved) for variable in template.variables)


def _sealed(vault: Vault, variable: TemplateVariable, resolved: Resolved) -> Variable:
    value = resolved.values.get(variable.name)
    plain = generate(variable.generate or 0) if value is None else value
    return Variable(variable.name, vault.encrypt(plain) if variable.secret else plain, variable.secret)


def generate(length: int) -> str:
    """A secret of letters and digits: it means itself in URLs, shells, YAML and connection strings."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
