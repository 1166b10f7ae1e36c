"""The values of a template's variables: given by the caller, defaults, or generated."""

import secrets
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.errors import Conflict, Invalid
from domain.model.definition import Definition, Variable
from domain.model.template import Template, TemplateVariable
from domain.ports.vault import Vault

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class TemplateValues:
    """The value of every variable, except of those in `generated`: theirs are generated on deployment."""

    values: Mapping[str, str]
    generated: tuple[str, ...] = ()


def new_definition(vault: Vault, template: Template, given: Mapping[str, str]) -> Definition:
    """Return the definition of a new service, with generated secrets; secret values are encrypted.

    Raise Invalid for values that the template does not take, and Conflict if the template cannot be deployed yet.
    """
    if template.coming_soon:
        raise Conflict(f"{template.name} cannot be deployed yet", details="The template is announced as coming soon")
    return Definition(
        compose=template.compose,
        variables=encrypt_values(vault, template, check_values(template, given)),
        port=template.expose.port,
        health_check=template.healthcheck,
        template_version=template.version,
    )


def check_values(template: Template, given: Mapping[str, str]) -> TemplateValues:
    """Return the given values and defaults for the others; an empty value counts as not given.

    Raise Invalid with one message for each wrong, missing or unknown variable.
    """
    declared = {variable.name: variable for variable in template.variables}
    faults = {f"variables.{name}": "This template has no such variable" for name in given if name not in declared}
    faults |= {f"variables.{name}": fault for name, fault in _faults(template, given)}
    if faults:
        raise Invalid(faults)
    generated = tuple(name for name, variable in declared.items() if variable.generate and not given.get(name))
    values = {name: given.get(name) or variable.default or "" for name, variable in declared.items()}
    return TemplateValues({name: value for name, value in values.items() if name not in generated}, generated)


def _faults(template: Template, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable in template.variables:
        value = given.get(variable.name) or variable.default
        fault = variable.fault(value) if value else _missing(variable)
        if fault:
            yield variable.name, fault


def _missing(variable: TemplateVariable) -> str | None:
    return f"{variable.label} is required" if variable.required and not variable.generate else None


def encrypt_values(vault: Vault, template: Template, checked: TemplateValues) -> tuple[Variable, ...]:
    """Return the variables of a new service in the template's order: missing secrets generated, secrets encrypted."""
    return tuple(_encrypted(vault, variable, checked) for variable in template.variables)


def _encrypted(vault: Vault, variable: TemplateVariable, checked: TemplateValues) -> Variable:
    value = checked.values.get(variable.name)
    plain = generate_secret(variable.generate or 0) if value is None else value
    return Variable(variable.name, vault.encrypt(plain) if variable.secret else plain, variable.secret)


def generate_secret(length: int) -> str:
    """Return a secret of letters and digits, which need no quoting in URLs, shells, YAML or connection strings."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
