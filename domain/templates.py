"""Templates: list, create, replace and delete them, preview what one would deploy, and create a service from one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal, NotRequired, TypedDict, Unpack, cast

from domain import compose
from domain.catalogue import builtin
from domain.catalogue.logos import check_logo
from domain.catalogue.lookup import current, custom_reader, find_logo, find_template, list_all
from domain.catalogue.spec.loading import load
from domain.catalogue.spec.rendering import render
from domain.catalogue.values import check_values
from domain.compose import Finding
from domain.definitions.changes import ResourceLimits
from domain.errors import Conflict, Invalid
from domain.identity.access import Caller, not_found
from domain.model.definition import Variable
from domain.model.masking import MASK
from domain.model.template import Category, CustomTemplate, Template, TemplateSummary
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.queries import paginate
from domain.services.create import ServiceCreate, create_service
from domain.services.read import ServiceDetail
from domain.tenancy.quota import QuotaEffect, quota_effect

Sort = Literal["name", "category", "featured"]

MOST_TEMPLATES = 200
_WHOLE_FILE = {"template": "source"}


class ListTemplatesParameters(TypedDict, total=False):
    """The query parameters of `list_templates`."""

    page: int
    per_page: int
    sort: Sort
    order: Literal["asc", "desc"]
    search: str
    category: Category
    featured: bool
    tag: str


class TemplateCreate(TypedDict):
    """The body of `create_template`."""

    source: str
    logo: NotRequired[str]


class TemplateReplacement(TypedDict):
    """The body of `replace_template`."""

    source: str
    logo: NotRequired[str]


class TemplatePreviewRequest(TypedDict, total=False):
    """The body of `preview_template`."""

    variables: dict[str, str]


class TemplateDeployment(TypedDict):
    """The body of `deploy_template`."""

    name: str
    customer_id: NotRequired[str | None]
    variables: NotRequired[dict[str, str]]
    labels: NotRequired[dict[str, str]]
    resources: NotRequired[ResourceLimits]
    deploy_timeout: NotRequired[int]
    auto_rollback: NotRequired[bool]


@dataclass(frozen=True)
class Logo:
    """A template's image; `etag` changes with its content."""

    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class TemplatePreview:
    """What a template would deploy, without secret values."""

    compose: str
    variables: tuple[Variable, ...]
    generated_secrets: tuple[str, ...]
    findings: tuple[Finding, ...]
    quota_effect: QuotaEffect | None


def list_templates(
    ports: Ports, _caller: Caller, **parameters: Unpack[ListTemplatesParameters]
) -> Page[TemplateSummary]:
    """Return a page of templates. Those that sort equal are in the order of their names, in both directions."""
    templates = [template for template in list_all(ports) if _matches(template, parameters)]
    templates.sort(key=_SORTS["name"])
    templates.sort(key=_SORTS[parameters.get("sort", "name")], reverse=parameters.get("order") == "desc")
    return paginate(templates, parameters.get("page", 1), parameters.get("per_page", 20))


_SORTS: dict[Sort, Callable[[TemplateSummary], Any]] = {
    "name": lambda template: (template.name.casefold(), template.id),
    "category": lambda template: template.category,
    "featured": lambda template: template.featured,
}


def _matches(template: TemplateSummary, parameters: ListTemplatesParameters) -> bool:
    text = "\n".join((template.name, template.description, *template.tags)).casefold()
    return (
        parameters.get("category") in {None, template.category}
        and parameters.get("featured") in {None, template.featured}
        and parameters.get("tag") in {None, *template.tags}
        and (parameters.get("search") or "").casefold() in text
    )


def create_template(ports: Ports, _caller: Caller, body: TemplateCreate, *, dry_run: bool = False) -> Outcome[Template]:
    """Add a custom template. Raise Invalid for a file that breaks rules, and Conflict if its name is taken."""
    template, logo = _check(body)
    if builtin.get_template(template.id):
        raise Conflict(
            f"The panel has a template {template.id}", code="name_taken", details="Choose another metadata.name"
        )
    now = ports.clock.now()
    stored = CustomTemplate(template.id, template.summary, template, created_at=now, updated_at=now, logo=logo)

    def create(work: Work) -> tuple[Template, DryRun]:
        if work.templates.count() >= MOST_TEMPLATES:
            raise Conflict(f"There are {MOST_TEMPLATES} custom templates already", details="Delete those not in use")
        work.templates.add(stored)
        change = Change("create", "template", None, f"Adds {template.name} to the catalogue")
        return current(stored), DryRun((change,))

    return perform(ports, create, dry_run=dry_run)


def replace_template(
    ports: Ports, _caller: Caller, template_id: str, body: TemplateReplacement, if_match: str | None = None
) -> Template:
    """Replace a custom template by its next version. Raise Conflict for one that comes with the panel."""
    template, logo = _check(body)
    get_custom, now = custom_reader(template_id), ports.clock.now()
    with ports.store.begin() as work:
        stored = get_custom(work)
        revisions.match(if_match, current(stored).revision, "template")
        if template.id != template_id:
            raise Invalid({"source.metadata.name": f"Must stay {template_id}: it is the ID of the template"})
        changed = replace(stored, summary=template.summary, template=template, logo=logo, updated_at=now)
        work.templates.save(changed)
    return current(changed)


def delete_template(ports: Ports, _caller: Caller, template_id: str, if_match: str | None = None) -> None:
    """Delete a custom template. Raise Conflict for one that comes with the panel."""
    get_custom = custom_reader(template_id)
    with ports.store.begin() as work:
        stored = get_custom(work)
        revisions.match(if_match, current(stored).revision, "template")
        work.templates.remove(template_id)


def _check(body: TemplateCreate | TemplateReplacement) -> tuple[Template, str | None]:
    """Return the template of a file, and its logo. Raise Invalid with the faults of the file by field."""
    try:
        template = load(body["source"])
    except Invalid as invalid:
        faults = {_WHOLE_FILE.get(field, f"source.{field}"): fault for field, fault in invalid.fields.items()}
        raise Invalid(faults) from None
    return template, check_logo(body["logo"]) if "logo" in body else None


def get_template(ports: Ports, _caller: Caller, template_id: str) -> Template:
    """Return the template of this slug, or raise NotFound."""
    template = find_template(ports, template_id)
    if template is None:
        raise not_found("Template", template_id)
    return template


def get_template_logo(ports: Ports, _caller: Caller, template_id: str) -> Logo:
    """Return the template's image. It is SVG: send it with headers that keep it from running as a page."""
    content = find_logo(ports, template_id)
    if content is None:
        raise not_found("Template", template_id)
    return Logo(content, "image/svg+xml", f'"{sha256(content).hexdigest()[:32]}"')


def preview_template(ports: Ports, caller: Caller, template_id: str, body: TemplatePreviewRequest) -> TemplatePreview:
    """Return the compose text as it would be deployed. Secrets stay `${NAME}`, and none is generated.

    Template files may use secrets in `environment` alone, so the findings do not depend on secret values.
    """
    template = get_template(ports, caller, template_id)
    checked = check_values(template, body.get("variables", {}))
    public = {name: value for name, value in checked.values.items() if name not in template.secrets}
    masked = {variable.name: public.get(variable.name, MASK) for variable in template.variables}
    result = compose.check(template.compose, masked)
    return TemplatePreview(
        compose=render(template.compose, public),
        variables=tuple(Variable(name, value, name in template.secrets) for name, value in masked.items()),
        generated_secrets=checked.generated,
        findings=tuple(result.findings),
        quota_effect=quota_effect(result.project, template.min_resources) if result.project else None,
    )


def deploy_template(
    ports: Ports, caller: Caller, template_id: str, body: TemplateDeployment, *, dry_run: bool = False
) -> Outcome[ServiceDetail]:
    """Create a service from the template. Raise NotFound if no template has this slug."""
    get_template(ports, caller, template_id)
    service = cast(ServiceCreate, {**body, "deploy_method": "template", "template": template_id})
    return create_service(ports, caller, service, dry_run=dry_run)
