"""The loader of template files: what it accepts, and each fault by its dotted field."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from domain import compose
from domain.catalogue.spec.loading import load
from domain.catalogue.spec.rendering import render
from domain.errors import Invalid
from domain.model.definition import HealthCheck
from domain.model.template import Expose, MinResources, TemplateVariable, VariableType

GOOD = """\
apiVersion: v2
kind: Template
metadata:
  name: shop
  displayName: Shop
  description: Sells things.
  documentation: https://shop.example/docs
  category: webapps
  icon: shop.svg
  tags: [store]
spec:
  domains:
    - port: 8080
  minResources: {cpuCores: 0.5, memoryMB: 256, storageMB: 100}
  securityProfile: strict
  healthcheck: {path: /up}
  variables:
    - name: TITLE
      label: Title
      type: string
      default: A shop
    - name: COLOUR
      label: Colour
      type: select
      options: [red, blue]
      default: blue
    - name: ORDERS
      label: Orders
      type: integer
    - name: PASSWORD
      label: Password
      type: password
      required: true
      generate: 32
  compose: |
    services:
      web:
        image: shop:1.0
        environment:
          TITLE: ${TITLE}
          COLOUR: ${COLOUR}
          ORDERS: ${ORDERS}
          PASSWORD: ${PASSWORD}
        expose: ["8080"]
        read_only: true
        user: "1000"
        cap_drop: [ALL]
"""

FAULTS = [
    ("apiVersion: v2", "apiVersion: v1", "apiVersion", "v1"),
    ("apiVersion: v2\n", "", "apiVersion", "required"),
    ("kind: Template", "kind: Pod", "kind", "Pod"),
    ("metadata:", "extra: 1\nmetadata:", "extra", "no such field"),
    ("  name: shop", "  name: Shop!", "metadata.name", "matching"),
    ("  name: shop", "  name: -rf", "metadata.name", "matching"),
    ("  displayName: Shop\n", "", "metadata.displayName", "required"),
    ("  displayName: Shop", "  display_name: Shop", "metadata.display_name", "no such field"),
    ("  description: Sells things.", "  description: [a]", "metadata.description", "str"),
    ("  documentation: https://shop.example/docs\n", "", "metadata.documentation", "required"),
    ("https://shop.example/docs", "http://shop.example/docs", "metadata.documentation", "matching"),
    ("https://shop.example/docs", "javascript:alert(1)", "metadata.documentation", "matching"),
    ("https://shop.example/docs", "'https://a b'", "metadata.documentation", "matching"),
    ("https://shop.example/docs", "https://a/" + 191 * "b", "metadata.documentation", "length"),
    ("category: webapps", "category: games", "metadata.category", "games"),
    ("icon: shop.svg", "icon: ../../etc/passwd", "metadata.icon", "matching"),
    ("icon: shop.svg", "icon: https://example.com/shop.svg", "metadata.icon", "matching"),
    ("tags: [store]", "tags: [Store]", "metadata.tags.0", "matching"),
    ("tags: [store]", "featured: maybe", "metadata.featured", "bool"),
    ("tags: [store]", "name: again", "metadata.name", "twice"),
    ("    - port: 8080", "    - port: 70000", "spec.domains.0.port", "65535"),
    ("    - port: 8080", "    - port: 9999", "spec.domains.0.port", "exposes"),
    ("    - port: 8080", "    - port: 8080\n      protocol: udp", "spec.domains.0.protocol", "udp"),
    ("    - port: 8080", "    - port: 8080\n    - port: 8081", "spec.domains", "length"),
    ("cpuCores: 0.5", "cpuCores: -1", "spec.minResources.cpuCores", ">="),
    ("cpuCores: 0.5", "cpuCores: nan", "spec.minResources.cpuCores", ">="),
    ("cpuCores: 0.5", "cpuCores: inf", "spec.minResources.cpuCores", "<="),
    ("memoryMB: 256", "memoryMB: lots", "spec.minResources.memoryMB", "int"),
    ("memoryMB: 256, ", "", "spec.minResources.memoryMB", "required"),
    ("securityProfile: strict", "securityProfile: none", "spec.securityProfile", "none"),
    ("        read_only: true\n", "", "spec.securityProfile", "web"),
    ('user: "1000"', 'user: "0:1000"', "spec.securityProfile", "root"),
    ("cap_drop: [ALL]", "cap_drop: [NET_RAW]", "spec.securityProfile", "cap_drop"),
    ("{path: /up}", "{path: up}", "spec.healthcheck.path", "matching"),
    ("{path: /up}", '{path: "/up\\r\\nX: y"}', "spec.healthcheck.path", "matching"),
    ("{path: /up}", "{path: /up, port: 9999}", "spec.healthcheck.port", "exposes"),
    ("{path: /up}", "{path: /up, interval: 0}", "spec.healthcheck.interval", ">="),
    ("- name: TITLE", "- name: title", "spec.variables.0.name", "matching"),
    ("- name: COLOUR", "- name: TITLE", "spec.variables.1.name", "Another"),
    ("- name: TITLE", "- name: TITEL", "spec.variables.0.name", "${TITEL}"),
    ("- name: TITLE", "- name: TITEL", "spec.compose", "${TITLE} is not declared"),
    ("type: string", "type: text", "spec.variables.0.type", "text"),
    ("default: blue", "default: green", "spec.variables.1.default", "one of"),
    ("options: [red, blue]", "options: [red, red]", "spec.variables.1.options", "twice"),
    ("      options: [red, blue]\n      default: blue\n", "", "spec.variables.1.options", "select"),
    ("default: A shop", "options: [a]", "spec.variables.0.options", "select"),
    ("default: A shop", "generate: 32", "spec.variables.0.generate", "Only secrets"),
    ("default: A shop", "pattern: '('", "spec.variables.0.pattern", "regular expression"),
    ("default: A shop", "pattern: '(?=a)b'", "spec.variables.0.pattern", "linear"),
    ("default: A shop", "pattern: '[a-z]+'\n      default: A shop", "spec.variables.0.default", "match"),
    ("type: integer", "type: integer\n      default: many", "spec.variables.2.default", "whole number"),
    ("generate: 32", "generate: 21", "spec.variables.3.generate", "22"),
    ("generate: 32", "default: hunter2", "spec.variables.3.default", "generate it"),
    ("generate: 32", "generate: 32\n      pattern: '[a-z]+'", "spec.variables.3.generate", "pattern"),
    ("  compose: |", "  compose: 3\n  other: |", "spec.other", "no such field"),
    ("image: shop:1.0", "image: shop", "spec.compose", "latest"),
    ("image: shop:1.0", "image: localhost:5000/shop", "spec.compose", "latest"),
    ("image: shop:1.0", "image: shop:latest", "spec.compose", "latest"),
    ("image: shop:1.0", "image: shop:${TITLE", "spec.compose", "${NAME} only"),
    ("image: shop:1.0", "image: shop:${TITLE:-1}", "spec.compose", "${NAME} only"),
    ("image: shop:1.0", "image: shop:$TITLE", "spec.compose", "${NAME} only"),
    ("image: shop:1.0", "image: shop:1.0\n        privileged: true", "spec.compose", "line 4"),
    ("image: shop:1.0", "image: shop:1.0\n        image: shop:1.1", "spec.compose", "twice"),
    ("image: shop:1.0", "image: [", "spec.compose", "line"),
    ('expose: ["8080"]', 'ports: ["8080"]', "spec.compose", "expose"),
    ("image: shop:1.0", "image: shop:1.0\n        labels: {pw: '${PASSWORD}'}", "spec.compose", "environment only"),
    ("image: shop:1.0", "image: shop:1.0\n        labels: {'${TITLE}': a}", "spec.compose", "values"),
    ("image: shop:1.0", "image: shop:1.0\n        command: run ${TITLE}", "spec.compose", "shell string"),
    ("image: shop:1.0", 'image: shop:1.0\n        command: [sh, -c, "run ${TITLE}"]', "spec.compose", "shell string"),
    (
        "image: shop:1.0",
        'image: shop:1.0\n        healthcheck: {test: [CMD-SHELL, "test ${TITLE}"]}',
        "spec.compose",
        "shell string",
    ),
]


@pytest.mark.parametrize(("old", "new", "field", "word"), FAULTS)
def test_a_fault_is_named_by_its_field(old: str, new: str, field: str, word: str):
    assert GOOD.count(old) >= 1
    with pytest.raises(Invalid) as refused:
        load(GOOD.replace(old, new, 1))
    assert word in refused.value.fields[field]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "object"),
        ("[]", "object"),
        ("a: [", "line 1"),
        ("a: &a [*a]", "line 1"),
        ("\ud800", "line 1"),
        ("a: !!python/object:os.system x", "line 1"),
        ("---\na: 1\n---\nb: 2", "line 3"),
    ],
)
def test_a_text_that_is_no_template_is_refused(text: str, word: str):
    with pytest.raises(Invalid) as refused:
        load(text)
    assert any(word in message for message in refused.value.fields.values())


def test_all_faults_between_fields_are_reported_at_once():
    text = GOOD.replace("default: blue", "default: green").replace("generate: 32", "default: hunter2")
    with pytest.raises(Invalid) as refused:
        load(text.replace("- name: ORDERS", "- name: ORDRES"))
    assert refused.value.fields.keys() == {
        "spec.variables.1.default",
        "spec.variables.2.name",
        "spec.variables.3.default",
        "spec.compose",
    }


def test_a_good_file_becomes_a_template():
    template = load(GOOD)
    assert (template.id, template.name, template.category, template.tags) == ("shop", "Shop", "webapps", ("store",))
    assert template.documentation == "https://shop.example/docs"
    assert template.expose == Expose(8080, "http")
    assert template.healthcheck == HealthCheck("/up", 8080, 10, 5)
    assert template.min_resources == MinResources(0.5, 256, 100)
    assert template.images == ("shop:1.0",)
    assert template.security_profile == "strict"
    assert template.secrets == {"PASSWORD"}
    assert template.variables[1] == TemplateVariable(
        "COLOUR", "Colour", "select", default="blue", options=("red", "blue")
    )
    assert not template.featured
    assert not template.coming_soon


def test_the_example_in_the_readme_is_a_template():
    section = (Path(__file__).parents[3] / "README.md").read_text("utf-8").split("\n## Writing a template\n")[1]
    assert load(section.split("```yaml\n")[1].split("```")[0]).secrets == {"NOTES_KEY"}


def test_the_digest_changes_with_the_file():
    assert load(GOOD).digest == load(GOOD).digest
    assert load(GOOD).digest != load(GOOD + "\n").digest


def test_plain_scalars_keep_the_text_as_written():
    template = load(GOOD.replace("default: A shop", "default: yes").replace("displayName: Shop", "displayName: 1.0"))
    assert template.variables[0].default == "yes"
    assert template.name == "1.0"


def test_variables_may_be_shared_by_an_anchor():
    shared = "    x-shared: &shared\n      PASSWORD: ${PASSWORD}\n    services:"
    text = GOOD.replace("    services:", shared).replace(
        "PASSWORD: ${PASSWORD}\n        expose", "<<: *shared\n        expose"
    )
    assert load(text).secrets == {"PASSWORD"}


@pytest.mark.parametrize("kind", ["secret", "password"])
def test_a_variable_is_secret_by_its_type(kind: str):
    text = GOOD.replace("type: password", f"type: {kind}")
    assert load(text).variables[3].secret


def test_a_digest_pins_an_image_as_well_as_a_version():
    image = f"localhost:5000/team/shop@sha256:{'a' * 64}"
    assert load(GOOD.replace("image: shop:1.0", f"image: {image}")).images == (image,)


VALUES = [
    ("integer", "-12", True),
    ("integer", "1.5", False),
    ("integer", "١٢", False),
    ("integer", "1\n", False),
    ("boolean", "true", True),
    ("boolean", "True", False),
    ("email", "ann@example.com", True),
    ("email", "ann@example", False),
    ("email", "ann@example.com\nBcc: all@example.com", False),
    ("url", "https://example.com:8443/a?b=c", True),
    ("url", "http://[::1", False),
    ("url", "https://example.com:99999", False),
    ("url", "javascript:alert(1)", False),
    ("url", "file:///etc/passwd", False),
    ("url", "https://exa mple.com", False),
    ("select", "b", True),
    ("select", "c", False),
    ("string", "two\nlines and $(id) `id` ; | & \t '\"", True),
    ("string", "nul\0", False),
    ("string", "\x1b[31m", False),
    ("string", "\ud800", False),
    ("string", "x" * 16_384, True),
    ("string", "x" * 16_385, False),
    ("password", "nul\0", False),
]


@pytest.mark.parametrize(("kind", "value", "good"), VALUES)
def test_a_value_of_the_wrong_type_is_refused_without_repeating_it(kind: VariableType, value: str, good: bool):
    variable = TemplateVariable("X", "The thing", kind, options=("a", "b") if kind == "select" else ())
    fault = variable.fault(value)
    assert (fault is None) is good
    assert fault is None or (fault.startswith("The thing") and (len(value) < 2 or value not in fault))


@pytest.mark.parametrize(("value", "good"), [("abc", True), ("abc\n", False), ("xabc", False), ("", False)])
def test_a_pattern_fits_the_whole_value(value: str, good: bool):
    assert (TemplateVariable("X", "Thing", pattern="abc|def").fault(value) is None) is good


def test_a_pattern_cannot_stall_the_panel():
    variable = TemplateVariable("X", "Thing", pattern="(a+)+b")
    assert variable.fault("a" * 16_000)


PLACES = """\
x-shared: &shared
  ANCHORED: &name ${A}
services:
  web:
    image: shop:1.0 # a comment with ${A} stays
    environment:
      PLAIN: ${A}
      MULTI: one ${A}
        two
      SINGLE: '${A} it''s'
      DOUBLE: "\\t${A}"
      LITERAL: |
        first ${A}
        second
      FOLDED: >-
        first
        ${B}${A}
      ALIAS: *name
      DOLLAR: $$${A}$$
      SECRET: ${SECRET}${A}
      <<: *shared
    command: [run, "--name=${A}", '${B}']
    labels: {note: "${A}", other: x}
    expose: [8080]
"""

VALUE = st.text(
    st.one_of(st.sampled_from("${}AB'\"\\:#&*!|>%@`-? \n\t[],"), st.characters(exclude_categories=["Cc", "Cs"])),
    max_size=40,
)


@given(VALUE, VALUE)
def test_a_rendered_text_has_the_meaning_of_the_template_with_its_values(a: str, b: str):
    wanted = compose.check(PLACES, {"A": a, "B": b, "SECRET": "s"})
    rendered = compose.check(render(PLACES, {"A": a, "B": b}), {"SECRET": "s"})
    assert wanted.project is not None
    assert rendered.project == wanted.project
    assert rendered.used == {"SECRET"}


@pytest.mark.parametrize("value", ["${SECRET}", "$$", "$(id)", "a: b", "- x", "'\"", "line\nline", "*name", "null", ""])
def test_a_value_stays_literal(value: str):
    project = compose.check(render(PLACES, {"A": value, "B": "b"}), {"SECRET": "never"}).project
    assert project is not None
    environment = project.components[0].environment
    assert environment["PLAIN"] == value
    assert environment["DOLLAR"] == f"${value}$"
    assert environment["ALIAS"] == value
    assert project.components[0].command == ("run", f"--name={value}", "b")


def test_rendering_leaves_the_rest_of_the_text_and_its_lines_alone():
    rendered = render(PLACES, {"A": "1\n2", "B": "b"})
    assert rendered.count("\n") == PLACES.count("\n")
    assert "# a comment with ${A} stays" in rendered
    assert 'SECRET: "${SECRET}1\\n2"' in rendered
    assert yaml.safe_load(rendered)["services"]["web"]["expose"] == [8080]
    assert render(PLACES, {}) == PLACES
