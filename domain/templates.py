"""The templates that a caller may choose from, and what becomes of the values that are given for one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypedDict, Unpack

from domain import compose, services
from domain.catalogue import builtin
from domain.catalogue.spec.rendering import render
from domain.catalogue.spec.template import Category, Template
from domain.catalogue.values import resolve
from domain.compose import Finding
from domain.identity.access import Caller, not_found
from domain.model.definition import Variable
from domain.model.service import DeployMethod
from domain.ports import Ports
from domain.ports.store import Page
from domain.resources.dry_run import DryRun
from domain.services import ServiceDetail
from domain.tenancy.quota import QuotaEffect, quota_effect

MASK = "********"

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
class Preview:
    """What would be deployed, with every secret left out."""

    compose: str
    variables: tuple[Variable, ...]
    generated_secrets: tuple[str, ...]
    findings: tuple[Finding, ...]
    quota_effect: QuotaEffect | None


def list_templates(_ports: Ports, _caller: Caller, **wanted: Unpack[Wanted]) -> Page[Template]:
    """A page of templates; equal ones are in the order of their names, whichever way the list is sorted."""
    found = sorted((each for each in builtin.builtin().values() if _is_wanted(each, wanted)), key=_SORTS["name"])
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
    template = builtin.builtin().get(template_id)
    if template is None:
        raise not_found("Template", template_id)
    return template


def get_template_logo(ports: Ports, caller: Caller, template_id: str) -> Logo:
    """Its image: an SVG, so send it with headers that keep it from being a page of its own."""
    content = builtin.logo(get_template(ports, caller, template_id).icon)
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


def deploy_template(
    ports: Ports, caller: Caller, template_id: str, body: Mapping[str, Any], *, dry_run: bool = False
) -> ServiceDetail | DryRun:
    """Create a service from the template; NotFound when there is none of this slug."""
    get_template(ports, caller, template_id)
    asked = {**body, "deploy_method": DeployMethod.TEMPLATE, "template": template_id}
    return services.create_service(ports, caller, asked, dry_run=dry_run)
