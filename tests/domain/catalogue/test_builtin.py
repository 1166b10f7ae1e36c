"""The built-in templates: each loads, passes the policy, and has what its file declares."""

from collections.abc import Iterator
from importlib.resources import files
from xml.etree import ElementTree

import pytest

from domain import compose
from domain.catalogue import builtin
from domain.catalogue.spec.rendering import render
from domain.catalogue.spec.template import Template
from domain.model.project import Component, Project

BUILTIN = builtin.templates()
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{name}" for name in ("svg", "rect", "path", "circle", "ellipse")}
SPOKEN = {"viewBox", "role", "aria-label", "width", "height", "x", "y", "rx", "ry", "cx", "cy", "r", "d"}
PAINTED = {"fill", "stroke", "stroke-width", "stroke-linecap"}


@pytest.fixture(params=BUILTIN.values(), ids=BUILTIN.keys())
def template(request: pytest.FixtureRequest) -> Template:
    return request.param


@pytest.fixture
def project(template: Template) -> Project:
    checked = compose.check(
        template.compose, {variable.name: variable.default or "" for variable in template.variables}
    )
    assert checked.findings == ()
    assert checked.project is not None
    return checked.project


def test_there_is_one_of_each_category_and_hello():
    assert {template.category for template in BUILTIN.values()} == {"ai", "webapps", "databases", "devtools"}
    assert BUILTIN["hello"].images == ("ai-admin-panel/hello:1",)
    assert [variable.name for variable in BUILTIN["hello"].variables] == ["GREETING"]
    assert len(BUILTIN) == 5


def test_the_catalogue_is_loaded_once_and_cannot_be_changed():
    assert builtin.templates() is BUILTIN
    with pytest.raises(TypeError):
        BUILTIN["hello"] = BUILTIN["postgres"]  # type: ignore[index]


def test_a_template_is_found_by_the_slug_that_names_its_file(template: Template):
    assert BUILTIN[template.id] is template
    assert (files("domain.catalogue.builtin") / f"{template.id}.yaml").is_file()


def test_every_file_of_the_catalogue_belongs_to_a_template():
    names = {file.name for file in files("domain.catalogue.builtin").iterdir() if file.name.endswith((".yaml", ".svg"))}
    icons = {template.icon for template in BUILTIN.values()}
    assert names == {f"{slug}.yaml" for slug in BUILTIN} | icons


def test_it_renders_to_a_text_that_passes_the_policy(template: Template):
    public = {variable.name: variable.default or "" for variable in template.variables if not variable.secret}
    rendered = compose.check(render(template.compose, public), dict.fromkeys(template.secrets, "s"))
    assert rendered.findings == ()
    assert rendered.used == template.secrets


def test_the_public_port_is_exposed(template: Template, project: Project):
    front = project.public_endpoint(template.expose.port)
    assert front is not None
    assert front[1] == template.expose.port


def test_every_container_has_limits_within_what_the_template_asks_for(template: Template, project: Project):
    assert all(component.cpu and component.memory_mb for component in project.components)
    assert sum(component.memory_mb or 0 for component in project.components) <= template.min_resources.memory_mb


def test_every_container_has_a_health_check(template: Template, project: Project):
    watched = template.healthcheck is not None and len(project.components) == 1
    assert watched or all(component.probe and not component.probe.disabled for component in project.components)


def test_every_container_drops_capabilities(project: Project):
    assert all({"ALL", "NET_RAW"} & set(component.cap_drop) for component in project.components)


def test_components_wait_until_their_database_is_healthy():
    project = compose.check(
        BUILTIN["wordpress"].compose, {variable.name: "x" for variable in BUILTIN["wordpress"].variables}
    ).project
    assert project is not None
    web = project.component("web")
    assert isinstance(web, Component)
    assert web.depends_on == {"db": "service_healthy"}


def test_data_outlives_its_container(template: Template, project: Project):
    stateless = {"hello"}
    assert bool(project.volumes) is (template.id not in stateless)


def test_required_secrets_are_generated_and_none_has_a_default(template: Template):
    for variable in template.variables:
        if variable.secret:
            assert variable.default is None
            assert bool(variable.generate) is variable.required


def test_every_variable_is_explained(template: Template):
    assert all(variable.label and variable.description for variable in template.variables)


def _elements(template: Template) -> Iterator[ElementTree.Element]:
    return ElementTree.fromstring(builtin.logo(template.icon)).iter()


def test_a_logo_is_small_and_square(template: Template):
    content = builtin.logo(template.icon)
    assert len(content) <= 2048
    root = ElementTree.fromstring(content)
    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox") == "0 0 64 64"


def test_a_logo_draws_and_does_nothing_else(template: Template):
    for element in _elements(template):
        assert element.tag in DRAWN
        assert set(element.keys()) <= SPOKEN | PAINTED
        assert not any("url(" in value or "//" in value for value in element.attrib.values())
    assert b"<!" not in builtin.logo(template.icon)
