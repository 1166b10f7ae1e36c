"""The templates that a caller may choose from, and what becomes of the values that are given for one."""

import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypedDict, Unpack

from domain import catalog, compose
from domain.access import Caller, absent
from domain.compose import Finding
from domain.errors import Conflict, Invalid
from domain.model import Definition, Variable
from domain.ports import Page, Ports, Vault
from domain.quota import QuotaEffect, quota_effect
from domain.template import Category, Template, TemplateVariable, render

MASK = "********"
_ALPHABET = string.ascii_letters + string.digits

Sort = Literal["name", "category", "featured"]


class Wanted(TypedDict, total=False):
    """Which templates to list, in which order."""

    category: Category | None
    featured: bool | None
    search: str | None
    tag: str | None
    sort: Sort
    order: Literal["asc", "desc"]
    page: int
    per_page: int


@dataclass(frozen=True)
class Logo:
    """A template's image; `etag` changes with its content."""

    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class Resolved:
    """What every variable will be; `generated` names those whose values are still to be made."""

    values: Mapping[str, str]
    generated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What would be deployed, with every secret left out."""

    compose: str
    variables: tuple[Variable, ...]
    generated_secrets: tuple[str, ...]
    findings: tuple[Finding, ...]
    quota_effect: QuotaEffect | None


def list_templates(_ports: Ports, _caller: Caller, **wanted: Unpack[Wanted]) -> Page[Template]:
    """A page of templates; equal ones are in the order of their names, whichever way the list is sorted."""
    found = sorted((each for each in catalog.builtin().values() if _is_wanted(each, wanted)), key=_SORTS["name"])
    found.sort(key=_SORTS[wanted.get("sort", "name")], reverse=wanted.get("order") == "desc")
    page, per_page = wanted.get("page", 1), wanted.get("per_page", 20)
    return Page(found[(page - 1) * per_page : page * per_page], len(found), page, per_page)


_SORTS: dict[Sort, Callable[[Template], Any]] = {
    "name": lambda template: (template.name.casefold(), template.id),
    "category": lambda template: template.category,
    "featured": lambda template: template.featured,
}


def _is_wanted(template: Template, wanted: Wanted) -> bool:
    said = "\n".join((template.name, template.description, *template.tags)).casefold()
    return (
        wanted.get("category") in {None, template.category}
        and wanted.get("featured") in {None, template.featured}
        and wanted.get("tag") in {None, *template.tags}
        and (wanted.get("search") or "").casefold() in said
    )


def get_template(_ports: Ports, _caller: Caller, template_id: str) -> Template:
    """The template of this slug."""
    template = catalog.builtin().get(template_id)
    if template is None:
        raise absent("Template", template_id)
    return template


def get_template_logo(ports: Ports, caller: Caller, template_id: str) -> Logo:
    """Its image: an SVG, so send it with headers that keep it from being a page of its own."""
    content = catalog.logo(get_template(ports, caller, template_id).icon)
    return Logo(content, "image/svg+xml", f'"{sha256(content).hexdigest()[:32]}"')


def preview_template(ports: Ports, caller: Caller, template_id: str, variables: Mapping[str, str]) -> Preview:
    """The compose text as it would be deployed; secrets stay `${NAME}`, and none is made up.

    Secrets stand in `environment` alone (the loader sees to it), so what is found does not depend on them.
    """
    template = get_template(ports, caller, template_id)
    resolved = resolve(template, variables)
    public = {name: value for name, value in resolved.values.items() if name not in template.secrets}
    masked = {each.name: public.get(each.name, MASK) for each in template.variables}
    checked = compose.check(template.compose, masked)
    return Preview(
        compose=render(template.compose, public),
        variables=tuple(Variable(name, value, name in template.secrets) for name, value in masked.items()),
        generated_secrets=resolved.generated,
        findings=tuple(checked.findings),
        quota_effect=quota_effect(checked.project, least=template.min_resources) if checked.project else None,
    )


def definition(ports: Ports, template_id: str, given: Mapping[str, str]) -> Definition:
    """What a service made from the template starts with: secrets are generated here, and sealed."""
    template = catalog.builtin().get(template_id)
    if template is None:
        raise Invalid({"template": "There is no such template"})
    if template.coming_soon:
        raise Conflict(f"{template.name} cannot be deployed yet", details="The template is announced as coming soon")
    return Definition(
        compose=template.compose,
        variables=seal(ports.vault, template, resolve(template, given)),
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
    return Variable(variable.name, vault.seal(plain) if variable.secret else plain, variable.secret)


def generate(length: int) -> str:
    """A secret of letters and digits: it means itself in URLs, shells, YAML and connection strings."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
