"""Find a template in the whole catalogue: custom ones, then those that come with the panel."""

from collections.abc import Callable
from dataclasses import replace

from domain.catalogue import builtin
from domain.errors import Conflict
from domain.identity.access import not_found
from domain.model.template import CustomTemplate, Template, TemplateSummary
from domain.ports import Ports
from domain.ports.store import Work


def find_template(ports: Ports, slug: str) -> Template | None:
    """Return the template of this slug.

    A custom template stays what it is when a later release of the panel brings one of its own with the same slug.
    """
    with ports.store.read() as work:
        stored = work.templates.get(slug)
    return builtin.get_template(slug) if stored is None else current(stored)


def find_logo(ports: Ports, slug: str) -> bytes | None:
    """Return the image of a template."""
    with ports.store.read() as work:
        stored = work.templates.get(slug)
    template = builtin.get_template(slug) if stored is None else stored.template
    if stored is not None and stored.logo is not None:
        return stored.logo.encode()
    return None if template is None else builtin.logo(template.icon)


def list_all(ports: Ports) -> list[TemplateSummary]:
    """Return what lists show of every template, in no particular order."""
    shipped = {template.id: template.summary for template in builtin.templates().values()}
    with ports.store.read() as work:
        custom = work.templates.summaries()
    return list((shipped | {summary.id: summary for summary in custom}).values())


def custom_reader(slug: str) -> Callable[[Work], CustomTemplate]:
    """Return a function that reads a custom template in a transaction that changes it.

    It raises Conflict for templates that come with the panel, and NotFound for those that do not exist.
    """
    is_shipped = builtin.get_template(slug) is not None  # may load the catalogue, which no transaction waits for

    def get(work: Work) -> CustomTemplate:
        stored = work.templates.get(slug)
        if stored is None and is_shipped:
            raise Conflict(
                f"{slug} comes with the panel and cannot be changed",
                code="read_only",
                details="Send its source under another metadata.name to POST /api/templates",
            )
        if stored is None:
            raise not_found("Template", slug)
        return stored

    return get


def current(stored: CustomTemplate) -> Template:
    """Return a custom template with its version."""
    return replace(stored.template, version=stored.revision)
