"""`extends` and `include`: other services and files that a text is made of."""

import pytest

from domain.compose import CheckResult, check
from domain.model.project import Component


def codes(result: CheckResult) -> list[tuple[str, int, str]]:
    return [(found.code.value, found.line, found.pointer) for found in result.findings if found.severity == "error"]


def component(result: CheckResult, name: str) -> Component:
    assert result.project, result.findings
    found = result.project.component(name)
    assert found
    return found


def test_an_extending_service_has_the_fields_of_its_base_under_its_own():
    text = (
        "services:\n  web: {extends: base, environment: {B: own}, command: [c]}\n"
        "  base: {image: x, environment: [A=1, B=1], command: [a, b], expose: [80]}"
    )
    web = component(check(text), "web")
    assert (web.image, web.environment, web.command, web.expose) == ("x", {"A": "1", "B": "own"}, ("c",), (80,))


def test_a_base_can_extend_another_one():
    text = "services: {a: {extends: b}, b: {extends: c, user: u}, c: {image: x, read_only: true}}"
    assert (component(check(text), "a").user, component(check(text), "a").read_only) == ("u", True)


@pytest.mark.parametrize("services", ["{a: {extends: a}}", "{a: {extends: b}, b: {extends: a}}"])
def test_services_cannot_extend_each_other(services: str):
    assert "cycle" in [code for code, _, _ in codes(check(f"services: {services}"))]


def test_a_refused_field_of_a_base_is_refused():
    text = "services:\n  web:\n    extends: base\n  base:\n    image: x\n    privileged: true"
    assert ("privileged_refused", 6, "/services/base/privileged") in codes(check(text))


def test_a_finding_in_an_extended_file_points_at_the_name_of_the_file():
    files = {"common.yml": "services:\n  base:\n    image: x\n    privileged: true\n"}
    checked = check("services:\n  web:\n    extends: {file: common.yml, service: base}", {}, files)
    assert codes(checked) == [("privileged_refused", 3, "/services/web/extends/file")]


@pytest.mark.parametrize("content", ["services: [", "a: 1\na: 2", "services: {b: {image: '${'}}"])
def test_a_wrong_file_is_a_finding_with_the_line_of_the_file(content: str):
    checked = check("include: [other.yml]\nservices: {web: {image: x}}", {}, {"other.yml": content})
    assert [(line, pointer) for _, line, pointer in codes(checked)][:1] == [(1, "/include/0")]
    assert checked.findings[0].message.startswith("`other.yml`, line ")


def test_an_included_file_adds_its_services_and_volumes():
    files = {"db.yml": "services: {db: {image: y, volumes: ['pg:/d']}}\nvolumes: {pg: }"}
    project = check("include: [db.yml]\nservices: {web: {image: x, depends_on: [db]}}", {}, files).project
    assert project
    assert [part.name for part in project.components] == ["db", "web"]
    assert project.volumes == ("pg",)


def test_a_service_of_an_included_file_is_not_defined_twice():
    checked = check("include: [db.yml]\nservices: {db: {image: x}}", {}, {"db.yml": "services: {db: {image: y}}"})
    assert [code for code, _, _ in codes(checked)] == ["duplicate_key"]


def test_files_cannot_include_each_other():
    files = {"a.yml": "include: [b.yml]", "b.yml": "include: [a.yml]"}
    assert [code for code, _, _ in codes(check("include: [a.yml]\nservices: {web: {image: x}}", {}, files))] == [
        "cycle"
    ]


def test_extends_and_include_cannot_make_a_text_without_a_limit():
    items = ", ".join(f"A{number}" for number in range(2000))
    chain = "".join(f"  s{number}: {{extends: s{number - 1}}}\n" for number in range(1, 40))
    long = check(f"services:\n  s0: {{image: x, environment: [{items}]}}\n{chain}")
    assert "too_large" in [code for code, _, _ in codes(long)]
    many = check("include: [" + "a.yml, " * 2000 + "]", {}, {"a.yml": "x-a: [" + "1, " * 100 + "]"})
    assert "too_large" in [code for code, _, _ in codes(many)]
