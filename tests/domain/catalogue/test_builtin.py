"""The built-in templates: each loads, passes the policy, and has what its file declares."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from domain import compose
from domain.catalogue import builtin
from domain.catalogue.spec.rendering import render
from domain.model.project import Component, Project
from domain.model.template import Template

BUILTIN = builtin.templates()
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{name}" for name in ("svg", "rect", "path", "circle", "ellipse")}
SPOKEN = {"viewBox", "role", "aria-label", "width", "height", "x", "y", "rx", "ry", "cx", "cy", "r", "d"}
STATELESS = {
    "adminer",
    "hello",
    "it-tools",
    "kokoro",
    "lobe-chat",
    "memcached",
    "phpmyadmin",
    "whoami",
}
PAINTED = {"fill", "stroke", "stroke-width", "stroke-linecap"}


def _project(template: Template) -> Project:
    checked = compose.check(
        template.compose, {variable.name: variable.default or "" for variable in template.variables}
    )
    assert checked.findings == (), template.id
    assert checked.project is not None
    return checked.project


# One test a rule, not one a rule and template: the catalogue is long, and each test has a price.
PROJECTS = [(template, _project(template)) for template in BUILTIN.values()]


def test_each_category_has_at_least_ten_of_at_least_sixty_templates():
    categories = Counter(template.category for template in BUILTIN.values())
    assert categories.keys() == {"ai", "webapps", "databases", "devtools"}
    assert min(categories.values()) >= 10
    assert categories.total() >= 60


def test_hello_needs_nothing_from_a_registry():
    assert BUILTIN["hello"].images == ("ai-admin-panel/hello:1",)
    assert [variable.name for variable in BUILTIN["hello"].variables] == ["GREETING"]


def test_the_catalogue_is_loaded_once_and_cannot_be_changed():
    assert builtin.templates() is BUILTIN
    with pytest.raises(TypeError):
        BUILTIN["hello"] = BUILTIN["postgres"]  # type: ignore[index]


def test_a_template_is_found_by_the_slug_that_names_its_file():
    for template in BUILTIN.values():
        assert BUILTIN[template.id] is template, template.id
        assert (files("domain.catalogue.builtin") / f"{template.id}.yaml").is_file()


def test_every_file_of_the_catalogue_belongs_to_a_template():
    names = {file.name for file in files("domain.catalogue.builtin").iterdir() if file.name.endswith((".yaml", ".svg"))}
    icons = {template.icon for template in BUILTIN.values()}
    assert names == {f"{slug}.yaml" for slug in BUILTIN} | icons | {"template.svg"}


def test_it_renders_to_a_text_that_passes_the_policy():
    for template in BUILTIN.values():
        public = {variable.name: variable.default or "" for variable in template.variables if not variable.secret}
        rendered = compose.check(render(template.compose, public), dict.fromkeys(template.secrets, "s"))
        assert rendered.findings == (), template.id
        assert rendered.used == template.secrets, template.id


def test_the_public_port_is_exposed():
    for template, project in PROJECTS:
        front = project.public_endpoint(template.expose.port)
        assert front is not None, template.id
        assert front[1] == template.expose.port, template.id


def test_every_container_has_limits_within_what_the_template_asks_for():
    for template, project in PROJECTS:
        assert all(component.cpu and component.memory_mb for component in project.components), template.id
        assert sum(component.memory_mb or 0 for component in project.components) <= template.min_resources.memory_mb


def test_every_container_has_a_health_check():
    for template, project in PROJECTS:
        endpoint = project.public_endpoint(template.healthcheck.port) if template.healthcheck else None
        for component in project.components:
            watched = endpoint is not None and endpoint[0].name == component.name
            assert watched or (component.probe and not component.probe.disabled), (template.id, component.name)


def test_every_port_that_its_texts_name_is_exposed():
    for template, project in PROJECTS:
        texts = (template.description, *(variable.description for variable in template.variables))
        named = {int(port) for text in texts for port in re.findall(r"\bport (\d+)", text)}
        exposed = {port for component in project.components for port in component.expose}
        assert named <= exposed, template.id


def test_images_have_a_full_version_or_a_dated_tag():
    for template in BUILTIN.values():
        for image in template.images:
            tag = image.rpartition(":")[2]
            assert re.search(r"\d+\.\d+|\d{4}-\d{2}-\d{2}", tag) or image == "ai-admin-panel/hello:1", image


def test_the_documentation_is_a_page_on_the_web():
    for template in BUILTIN.values():
        assert urlsplit(template.documentation).hostname, template.id


def test_every_container_drops_capabilities():
    for template, project in PROJECTS:
        assert all({"ALL", "NET_RAW"} & set(component.cap_drop) for component in project.components), template.id


def test_components_wait_until_their_database_is_healthy():
    project = compose.check(
        BUILTIN["wordpress"].compose, {variable.name: "x" for variable in BUILTIN["wordpress"].variables}
    ).project
    assert project is not None
    web = project.component("web")
    assert isinstance(web, Component)
    assert web.depends_on == {"db": "service_healthy"}


def test_data_outlives_its_container():
    for template, project in PROJECTS:
        assert bool(project.volumes) is (template.id not in STATELESS), template.id


def test_required_secrets_are_generated_and_none_has_a_default():
    for template in BUILTIN.values():
        for variable in template.variables:
            if variable.secret:
                assert variable.default is None, template.id
                assert bool(variable.generate) is variable.required, template.id


def test_names_and_logos_are_different():
    assert len({template.name.casefold() for template in BUILTIN.values()}) == len(BUILTIN)
    assert len({builtin.logo(template.icon) for template in BUILTIN.values()}) == len(BUILTIN)
    assert {template.icon for template in BUILTIN.values()} == {f"{template.id}.svg" for template in BUILTIN.values()}


def test_every_variable_is_explained():
    for template in BUILTIN.values():
        assert all(variable.label and variable.description for variable in template.variables), template.id


def _elements(template: Template) -> Iterator[ElementTree.Element]:
    return ElementTree.fromstring(builtin.logo(template.icon)).iter()


def test_a_logo_is_small_and_square():
    for template in BUILTIN.values():
        content = builtin.logo(template.icon)
        assert len(content) <= 2048, template.id
        root = ElementTree.fromstring(content)
        assert root.tag == f"{SVG}svg", template.id
        assert root.get("viewBox") == "0 0 64 64"


def test_a_logo_draws_and_does_nothing_else():
    for template in BUILTIN.values():
        for element in _elements(template):
            assert element.tag in DRAWN, template.id
            assert set(element.keys()) <= SPOKEN | PAINTED, template.id
            assert not any("url(" in value or "//" in value for value in element.attrib.values()), template.id
        assert b"<!" not in builtin.logo(template.icon)
