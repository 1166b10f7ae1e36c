"""Templates: lists, previews without secrets, and definitions of new services."""

import string
from collections import Counter
from datetime import UTC, datetime
from math import log2
from types import MappingProxyType

import pytest

from domain import compose, templates
from domain.catalogue import builtin, values
from domain.catalogue.spec.loading import load
from domain.definitions.changes import new_definition
from domain.errors import Conflict, Invalid, NotFound
from domain.identity.access import Caller
from domain.model.definition import HealthCheck, Variable
from domain.model.grant import Grant
from domain.model.role import Role
from domain.model.template import Template
from domain.ports import Ports
from domain.templates import ListTemplatesParameters
from domain.tenancy.quota import QuotaEffect

CALLER = Caller("key_1", "ci", Grant(Role.CUSTOMER, "cust_1"), datetime(2026, 1, 1, tzinfo=UTC))
CANARY = "c4n4ry-0f-4-s3cr3t"

FILE = """\
apiVersion: v2
kind: Template
metadata: {name: NAME, displayName: TITLE, description: DESCRIPTION, category: CATEGORY, icon: hello.svg, tags: [TAG],
  documentation: https://example.com/}
spec:
  domains: [{port: 8080}]
  minResources: {cpuCores: 2, memoryMB: 512, storageMB: 100}
  variables:
    - {name: TITLE, label: Title, required: true}
    - {name: SIZE, label: Size, type: select, options: [s, m], default: s}
    - {name: LIMIT, label: Limit, type: string, default: 64M}
    - {name: TOKEN, label: Token, type: secret, pattern: "[a-z0-9-]*"}
    - {name: PASSWORD, label: Password, type: password, required: true, generate: 22}
  compose: |
    services:
      web:
        image: shop:1.0
        environment: {TITLE: "${TITLE}", SIZE: "${SIZE}", URL: "db://u:${PASSWORD}@h/${TITLE}", TOKEN: "${TOKEN}"}
        expose: ["8080"]
        volumes: ["data:/data:ro"]
        deploy: {replicas: 2, resources: {limits: {cpus: "0.25", memory: "${LIMIT}"}}}
    volumes: {data: {}}
"""


def made(name: str, title: str = "A title", description: str = "Text", category: str = "ai", tag: str = "tag") -> str:
    words = {"NAME,": f"{name},", "TITLE, desc": f"{title}, desc", "DESCRIPTION": description, "CATEGORY": category}
    text = FILE.replace("[TAG]", f"[{tag}]")
    for old, new in words.items():
        text = text.replace(old, new, 1)
    return text


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Template:
    template = load(made("shop", "Shop"))
    monkeypatch.setattr(builtin, "templates", lambda: {"shop": template})
    return template


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        made("a", "beta", "Runs ÄPFEL", "webapps", "fruit"),
        made("b", "Alpha", "plain", "ai", "chat").replace("icon:", "featured: true, icon:"),
        made("c", "gamma", "plain", "ai", "chat"),
        made("d", "Delta", "plain", "databases", "sql").replace("icon:", "featured: true, icon:"),
    ]
    loaded = {template.id: template for template in map(load, texts)}
    monkeypatch.setattr(builtin, "templates", lambda: MappingProxyType(loaded))


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ({}, "badc"),
        ({"sort": "name", "order": "desc"}, "cdab"),
        ({"sort": "category"}, "bcda"),
        ({"sort": "category", "order": "desc"}, "adbc"),
        ({"sort": "featured"}, "acbd"),
        ({"sort": "featured", "order": "desc"}, "bdac"),
        ({"category": "ai"}, "bc"),
        ({"featured": True}, "bd"),
        ({"featured": False}, "ac"),
        ({"tag": "chat"}, "bc"),
        ({"tag": "cha"}, ""),
        ({"search": "äpfel"}, "a"),
        ({"search": "ALPHA"}, "b"),
        ({"search": "Sql"}, "d"),
        ({"search": "no such words"}, ""),
        ({"search": "plain", "category": "ai", "featured": False}, "c"),
    ],
)
def test_list_templates_filters_searches_and_sorts(ports: Ports, parameters: ListTemplatesParameters, ids: str):
    page = templates.list_templates(ports, CALLER, **parameters)
    assert "".join(template.id for template in page.items) == ids
    assert page.total == len(ids)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("page", "ids"), [(1, "bad"), (2, "c"), (3, ""), (10**9, "")])
def test_list_templates_pages_and_counts_all(ports: Ports, page: int, ids: str):
    found = templates.list_templates(ports, CALLER, page=page, per_page=3)
    assert "".join(template.id for template in found.items) == ids
    assert (found.total, found.page, found.per_page) == (4, page, 3)


def test_get_template_takes_exact_slugs_only(ports: Ports):
    assert templates.get_template(ports, CALLER, "hello").name == "Hello"
    for unknown in ("Hello", "hell", "", "../hello", "hello.yaml"):
        with pytest.raises(NotFound) as refused:
            templates.get_template(ports, CALLER, unknown)
        assert refused.value.message == "Template not found"


def test_get_template_logo_returns_an_svg_and_its_etag(ports: Ports):
    logos = {slug: templates.get_template_logo(ports, CALLER, slug) for slug in builtin.templates()}
    assert all(logo.content.startswith(b"<svg") and logo.media_type == "image/svg+xml" for logo in logos.values())
    assert len({logo.etag for logo in logos.values()}) == len(logos)
    assert logos["hello"] == templates.get_template_logo(ports, CALLER, "hello")
    with pytest.raises(NotFound):
        templates.get_template_logo(ports, CALLER, "nothing")


def test_preview_template_shows_what_would_be_deployed(ports: Ports, shop: Template):
    preview = templates.preview_template(ports, CALLER, "shop", {"variables": {"TITLE": "My shop"}})
    assert 'TITLE: "My shop"' in preview.compose
    assert '"db://u:${PASSWORD}@h/My shop"' in preview.compose
    assert preview.variables == (
        Variable("TITLE", "My shop"),
        Variable("SIZE", "s"),
        Variable("LIMIT", "64M"),
        Variable("TOKEN", "********", secret=True),
        Variable("PASSWORD", "********", secret=True),
    )
    assert preview.generated_secrets == ("PASSWORD",)
    assert preview.findings == ()
    assert preview.quota_effect == QuotaEffect(services=1, containers=2, cpu=0.5, memory_mb=128, storage_mb=100)


def test_a_secret_that_is_given_appears_nowhere_in_a_preview(ports: Ports, shop: Template):
    given = {"TITLE": "t", "TOKEN": CANARY, "PASSWORD": CANARY}
    preview = templates.preview_template(ports, CALLER, "shop", {"variables": given})
    assert CANARY not in repr(preview)
    assert preview.generated_secrets == ()


@pytest.mark.parametrize(
    "given", [{"TITLE": "t", "TOKEN": CANARY + "!"}, {"TITLE": "t", "PASSWORD": CANARY + "\0"}, {"TOKEN": CANARY}]
)
def test_a_secret_appears_in_no_refusal(ports: Ports, shop: Template, given: dict[str, str]):
    with pytest.raises(Invalid) as refused:
        templates.preview_template(ports, CALLER, "shop", {"variables": given})
    assert CANARY not in str(refused.value.fields)


def test_a_preview_has_the_findings_about_a_value(ports: Ports, shop: Template):
    preview = templates.preview_template(
        ports, CALLER, "shop", {"variables": {"TITLE": "t", "LIMIT": "lots", "TOKEN": CANARY}}
    )
    assert [finding.pointer for finding in preview.findings] == ["/services/web/deploy/resources/limits/memory"]
    assert preview.quota_effect is None
    assert CANARY not in repr(preview)


@pytest.mark.parametrize("slug", ["gitea", "open-webui", "postgres", "wordpress"])
def test_previews_of_built_in_templates_name_their_secrets_and_show_none(ports: Ports, slug: str):
    template = builtin.templates()[slug]
    preview = templates.preview_template(ports, CALLER, slug, {"variables": dict.fromkeys(template.secrets, CANARY)})
    assert CANARY not in repr(preview)
    assert preview.findings == ()
    assert all(f"${{{name}}}" in preview.compose for name in template.secrets)
    assert {one.name for one in preview.variables if one.secret} == template.secrets
    generated = templates.preview_template(ports, CALLER, slug, {"variables": {}}).generated_secrets
    assert set(generated) == {variable.name for variable in template.variables if variable.generate}


def test_all_wrong_values_are_reported_at_once(ports: Ports, shop: Template):
    with pytest.raises(Invalid) as refused:
        templates.preview_template(ports, CALLER, "shop", {"variables": {"SIZE": "xl", "NOPE": "1", "TOKEN": "UPPER"}})
    assert refused.value.fields == {
        "variables.NOPE": "This template has no such variable",
        "variables.TITLE": "Title is required",
        "variables.SIZE": "Size must be one of: s, m",
        "variables.TOKEN": "Token must match [a-z0-9-]*",
    }


def test_an_empty_value_counts_as_not_given(shop: Template):
    resolved = values.check_values(shop, {"TITLE": "t", "SIZE": "", "PASSWORD": ""})
    assert resolved.values == {"TITLE": "t", "SIZE": "s", "LIMIT": "64M", "TOKEN": ""}
    assert resolved.generated == ("PASSWORD",)
    with pytest.raises(Invalid, match="Validation failed"):
        values.check_values(shop, {"TITLE": ""})


def test_a_definition_is_complete_and_its_secrets_are_encrypted(ports: Ports, shop: Template):
    definition = values.new_definition(ports.vault, shop, {"TITLE": "t", "TOKEN": CANARY})
    assert (definition.compose, definition.port, definition.health_check) == (shop.compose, 8080, None)
    stored = {variable.name: variable for variable in definition.variables}
    assert stored["TITLE"] == Variable("TITLE", "t")
    assert CANARY not in repr(definition)
    assert ports.vault.decrypt(stored["TOKEN"].value) == CANARY
    assert [variable.name for variable in definition.variables if variable.secret] == ["TOKEN", "PASSWORD"]
    assert len(ports.vault.decrypt(stored["PASSWORD"].value)) == 22


def test_a_given_value_wins_over_a_generated_one(ports: Ports, shop: Template):
    definition = values.new_definition(ports.vault, shop, {"TITLE": "t", "PASSWORD": "mine"})
    assert ports.vault.decrypt(definition.variables[-1].value) == "mine"


def test_a_definition_keeps_the_health_check_of_its_template(ports: Ports):
    assert values.new_definition(ports.vault, builtin.templates()["hello"], {}).health_check == HealthCheck(
        "/healthz", 8080, 5, 2
    )


def test_an_unknown_template_is_refused_by_its_field(ports: Ports):
    with pytest.raises(Invalid) as refused:
        new_definition(ports, {"deploy_method": "template", "template": "nothing"})
    assert refused.value.fields.keys() == {"template"}


def test_a_template_that_comes_soon_is_listed_and_not_deployed(ports: Ports, monkeypatch: pytest.MonkeyPatch):
    soon = load(made("soon").replace("icon:", "comingSoon: true, icon:"))
    monkeypatch.setattr(builtin, "templates", lambda: {"soon": soon})
    assert templates.list_templates(ports, CALLER).items == [soon.summary]
    assert templates.preview_template(ports, CALLER, "soon", {"variables": {"TITLE": "t"}}).findings == ()
    with pytest.raises(Conflict):
        values.new_definition(ports.vault, soon, {"TITLE": "t"})


LITERAL = [
    "${PASSWORD}",
    "${SIZE}",
    "$$",
    "$SIZE",
    "$(id)",
    "a: b",
    "- x",
    "'\"\\",
    "two\nlines",
    "!!int 1",
    "&a *a",
    "#",
]


@pytest.mark.parametrize("value", LITERAL)
def test_a_value_is_never_evaluated_a_second_time(ports: Ports, shop: Template, value: str):
    definition = values.new_definition(ports.vault, shop, {"TITLE": value, "PASSWORD": value})
    plain = {
        variable.name: ports.vault.decrypt(variable.value) if variable.secret else variable.value
        for variable in definition.variables
    }
    deployed = compose.check(definition.compose, plain).project
    assert deployed is not None
    assert deployed.components[0].environment["TITLE"] == value
    assert deployed.components[0].environment["URL"] == f"db://u:{value}@h/{value}"
    preview = templates.preview_template(ports, CALLER, "shop", {"variables": {"TITLE": value, "PASSWORD": value}})
    shown = compose.check(preview.compose, {"PASSWORD": value, "TOKEN": ""}).project
    assert shown == deployed


def test_generated_secrets_have_at_least_128_bits_and_mean_themselves_everywhere():
    alphabet = set(string.ascii_letters + string.digits)
    made_up = [values.generate_secret(22) for _ in range(2000)]
    assert len(set(made_up)) == len(made_up)
    counts = Counter("".join(made_up))
    assert counts.keys() == alphabet
    total = counts.total()
    measured = -sum(count / total * log2(count / total) for count in counts.values())
    assert measured * 22 > 128


def test_every_secret_of_the_catalogue_has_at_least_128_bits():
    lengths = [
        variable.generate
        for template in builtin.templates().values()
        for variable in template.variables
        if variable.generate
    ]
    assert lengths
    assert min(lengths) * log2(62) >= 128
