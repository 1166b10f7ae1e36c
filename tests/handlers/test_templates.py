"""Templates over HTTP: list, read, preview and deploy them, change custom ones; secrets stay masked."""

from dataclasses import replace
from time import process_time
from typing import Any

import pytest

from domain.catalogue import builtin
from tests.conformance import CANARY
from tests.operations.templates import EXAMPLE
from tests.panel import Panel


def _ids(panel: Panel, query: str) -> list[str]:
    page = panel.get(f"/templates?per_page=100&{query}").json()
    assert page["total"] == len(page["data"])
    return [item["id"] for item in page["data"]]


def test_each_filter_of_the_list_narrows_it(panel: Panel) -> None:
    listed = _ids(panel, "")
    assert {"gitea", "hello", "open-webui", "postgres", "wordpress"} <= set(listed)
    assert _ids(panel, "order=desc") == listed[::-1]
    assert {"mysql", "postgres"} <= set(_ids(panel, "category=databases"))
    assert "wordpress" not in _ids(panel, "category=databases")
    assert {"drupal", "wordpress"} <= set(_ids(panel, "tag=cms"))
    assert _ids(panel, "search=PUBLISHING PLATFORM WITH ITS OWN MARIADB") == ["wordpress"]
    featured, others = _ids(panel, "featured=true"), _ids(panel, "featured=false")
    assert sorted(featured + others) == sorted(listed)
    assert panel.get(f"/templates/{_ids(panel, 'sort=category')[0]}").json()["category"] == "ai"
    page = panel.get("/templates?page=2&per_page=3").json()
    assert ([item["id"] for item in page["data"]], page["total"]) == (listed[3:6], len(listed))


def test_a_template_lists_its_variables(panel: Panel) -> None:
    template = panel.get("/templates/wordpress").json()
    asked = {variable["name"]: variable for variable in template["variables"]}
    assert asked["WORDPRESS_TABLE_PREFIX"]["default"] == "wp_"
    password = asked["WORDPRESS_DB_PASSWORD"]
    assert (password["secret"], password["generated"], password["default"]) == (True, True, None)
    assert template["documentation"] == "https://wordpress.org/documentation/"
    assert template["expose"] == {"port": 80, "protocol": "http"}
    assert template["images"] == ["mariadb:11.4.13", "wordpress:6.9.4-php8.4-apache"]
    assert panel.get("/templates/nothing").status_code == 404


def test_a_logo_is_sent_with_headers_that_keep_it_from_running(panel: Panel) -> None:
    logo = panel.get("/templates/hello/logo")
    assert (logo.headers["content-type"], logo.content[:4]) == ("image/svg+xml", b"<svg")
    assert "sandbox" in logo.headers["content-security-policy"]
    assert logo.headers["x-content-type-options"] == "nosniff"
    same = panel.get("/templates/hello/logo", headers={"If-None-Match": logo.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert panel.get("/templates/nothing/logo").status_code == 404


def test_a_preview_shows_the_text_without_secrets(panel: Panel) -> None:
    given = {"variables": {"WORDPRESS_TABLE_PREFIX": "blog_", "WORDPRESS_DB_PASSWORD": CANARY}}
    preview = panel.post("/templates/wordpress/preview", given).json()
    assert 'WORDPRESS_TABLE_PREFIX: "blog_"' in preview["compose"]
    assert "WORDPRESS_DB_PASSWORD: ${WORDPRESS_DB_PASSWORD}" in preview["compose"]
    assert preview["generated_secrets"] == ["MARIADB_ROOT_PASSWORD"]
    assert preview["findings"] == []
    assert preview["quota_effect"] == {
        "services": 1, "containers": 2, "cpu": 2.0, "memory_mb": 1024, "storage_mb": 4096,
    }  # fmt: skip
    shown = {variable["name"]: variable["value"] for variable in preview["variables"]}
    assert shown["WORDPRESS_DB_PASSWORD"] == shown["MARIADB_ROOT_PASSWORD"] == "********"
    assert panel.post("/templates/nothing/preview", {}).status_code == 404
    assert panel.get("/services").json()["total"] == 0


@pytest.mark.parametrize("verb", ["preview", "deploy", "deploy?dry_run=true"])
@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"WORDPRESS_TABLE_PREFIX": "No"}, "variables.WORDPRESS_TABLE_PREFIX"),
        ({"NOPE": "1"}, "variables.NOPE"),
        ({"WORDPRESS_DB_PASSWORD": CANARY + "\0"}, "variables.WORDPRESS_DB_PASSWORD"),
    ],
)
def test_a_wrong_value_is_refused_by_field(panel: Panel, verb: str, variables: dict[str, str], field: str) -> None:
    name = {} if verb == "preview" else {"name": "blog"}
    refused = panel.post(f"/templates/wordpress/{verb}", {**name, "variables": variables})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field])


def test_a_deployed_template_runs_with_given_and_generated_values(panel: Panel) -> None:
    body: dict[str, Any] = {
        "name": "blog",
        "customer_id": "cust_a",
        "variables": {"WORDPRESS_DB_PASSWORD": CANARY},
        "labels": {"team": "sales"},
        "resources": {"memory_limit_mb": 1024},
        "deploy_timeout": 9,
    }
    created = panel.post("/templates/wordpress/deploy", body)
    assert (created.status_code, created.json()["template"], created.json()["deploy_method"]) == (
        201, "wordpress", "template",
    )  # fmt: skip
    panel.work()
    path = f"/services/{created.json()['id']}"
    service = panel.get(path).json()
    assert (service["status"], service["pending_changes"], service["customer_id"]) == ("running", False, "cust_a")
    assert (service["port"], service["healthcheck"]["path"]) == (80, "/wp-login.php")
    assert (service["labels"], service["deploy_timeout"], service["image"]) == ({"team": "sales"}, 9, None)
    assert service["resources"]["memory_limit_mb"] == 1024 + 512
    shown = {variable["name"]: variable["value"] for variable in service["variables"]}
    assert shown == {
        "MARIADB_ROOT_PASSWORD": "********", "WORDPRESS_DB_PASSWORD": "********", "WORDPRESS_TABLE_PREFIX": "wp_",
    }  # fmt: skip
    names = ["MARIADB_ROOT_PASSWORD", "WORDPRESS_DB_PASSWORD"]
    values = panel.post(f"{path}/env/reveal", {"names": names}).json()["values"]
    assert values["WORDPRESS_DB_PASSWORD"] == CANARY
    assert len(values["MARIADB_ROOT_PASSWORD"]) == 32
    for read in (path, f"{path}/env", f"{path}/export", "/services", f"/deployments/{service['deployment_id']}",
                 f"/deployments/{service['deployment_id']}/logs"):  # fmt: skip
        assert values["MARIADB_ROOT_PASSWORD"] not in panel.get(read).text


def test_a_service_from_a_template_may_have_its_own_health_check(panel: Panel) -> None:
    body = {"name": "hi", "deploy_method": "template", "template": "hello", "port": 8080,
            "healthcheck": {"path": "/", "timeout": 1}}  # fmt: skip
    service = panel.post("/services", body).json()
    assert service["healthcheck"]["path"] == "/"
    assert service["healthcheck"]["timeout"] == 1
    other_port = panel.post("/services", {**body, "name": "ho", "port": 9999})
    assert (other_port.status_code, list(other_port.json()["error"]["fields"])) == (422, ["port"])


def test_two_services_of_a_template_have_different_secrets(panel: Panel) -> None:
    made = [panel.post("/templates/wordpress/deploy", {"name": name}).json()["id"] for name in ("one", "two")]
    names = {"names": ["MARIADB_ROOT_PASSWORD", "WORDPRESS_DB_PASSWORD"]}
    values = [panel.post(f"/services/{each}/env/reveal", names).json()["values"] for each in made]
    assert len({value for each in values for value in each.values()}) == 4


def test_an_unknown_template_or_a_taken_name_is_refused(panel: Panel) -> None:
    assert panel.post("/templates/nothing/deploy", {"name": "hi"}).status_code == 404
    assert panel.post("/templates/hello/deploy", {"name": "hi"}).status_code == 201
    taken = panel.post("/templates/hello/deploy", {"name": "hi"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_taken")
    tried = panel.post("/templates/hello/deploy?dry_run=true", {"name": "ho"})
    actions = [change["action"] for change in tried.json()["dry_run"]["changes"]]
    assert (tried.status_code, actions) == (201, ["create", "deploy"])
    assert panel.get("/services").json()["total"] == 1


# ── custom templates ─────────────────────────────────────────────────────────────────────────────


def _source(title: str = "Greeter", greeting: str = "Hello") -> str:
    source: str = EXAMPLE["source"].replace("displayName: Greeter", f"displayName: {title}")
    return source.replace("default: Hello", f"default: {greeting}")


def _custom(panel: Panel, **body: str) -> Any:
    created = panel.post("/templates", {"source": _source(), **body})
    assert created.status_code == 201, created.text
    return created


def test_a_custom_template_is_listed_previewed_and_deployed_like_others(panel: Panel) -> None:
    created = _custom(panel)
    assert (created.json()["id"], created.json()["version"], created.json()["source"]) == ("greeter", 1, _source())
    listed = {item["id"]: item for item in panel.get("/templates?per_page=100&search=gree").json()["data"]}
    assert (listed["greeter"]["version"], listed["greeter"]["name"]) == (1, "Greeter")
    assert _ids(panel, "category=devtools&tag=demo&search=greeter") == ["greeter"]
    assert panel.get("/templates?sort=name&per_page=1&page=2").json()["total"] == len(_ids(panel, ""))
    assert created.headers["etag"] == panel.get("/templates/greeter").headers["etag"]
    preview = panel.post("/templates/greeter/preview", {"variables": {"GREETING": "Good evening"}}).json()
    assert 'GREETING: "Good evening"' in preview["compose"]
    service = panel.post("/templates/greeter/deploy", {"name": "hi"}).json()
    panel.work()
    service = panel.get(f"/services/{service['id']}").json()
    assert (service["status"], service["template"], service["template_version"]) == ("running", "greeter", 1)
    assert panel.post("/templates/hello/deploy", {"name": "ho"}).json()["template_version"] is None


def test_a_service_stays_what_it_was_when_its_template_is_replaced_or_deleted(panel: Panel) -> None:
    tag = _custom(panel).headers["etag"]
    path = f"/services/{panel.post('/templates/greeter/deploy', {'name': 'hi'}).json()['id']}"
    panel.work()
    before = panel.get(path).json()
    other = _source("Other").replace("web:", "other:")
    replaced = panel.put("/templates/greeter", {"source": other}, headers={"If-Match": tag})
    assert (replaced.status_code, replaced.json()["version"], replaced.json()["name"]) == (200, 2, "Other")
    assert "other:" in panel.get("/templates/greeter").json()["compose"]
    assert panel.put("/templates/greeter", {"source": other}, headers={"If-Match": tag}).status_code == 412
    assert panel.delete("/templates/greeter", headers={"If-Match": tag}).status_code == 412
    assert panel.delete("/templates/greeter").status_code == 204
    assert panel.get("/templates/greeter").status_code == 404
    assert "greeter" not in _ids(panel, "")
    panel.post(f"{path}/deploy")
    panel.work()
    after = panel.get(path).json()
    assert (after["status"], after["compose"]) == ("running", before["compose"])
    assert (after["template"], after["template_version"]) == ("greeter", 1)
    assert panel.post("/templates/greeter/deploy", {"name": "ho"}).status_code == 404


def test_a_template_that_is_created_again_has_another_etag(panel: Panel) -> None:
    first = _custom(panel).headers["etag"]
    panel.delete("/templates/greeter")
    assert _custom(panel, source=_source(greeting="Hi")).headers["etag"] != first


def test_templates_of_the_panel_are_read_only(panel: Panel) -> None:
    taken = panel.post("/templates", {"source": _source().replace("name: greeter", "name: hello")})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_taken")
    renamed = {"source": _source().replace("name: greeter", "name: hello")}
    for refused in (panel.put("/templates/hello", renamed), panel.delete("/templates/hello")):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "read_only")
    assert panel.get("/templates/hello").json()["version"] is None


def test_a_custom_template_outlives_one_of_a_release_with_its_name(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _custom(panel)
    shipped = {**builtin.templates(), "greeter": replace(builtin.templates()["hello"], id="greeter")}
    monkeypatch.setattr(builtin, "templates", lambda: shipped)
    assert panel.get("/templates/greeter").json()["name"] == "Greeter"
    assert _ids(panel, "").count("greeter") == 1
    assert panel.delete("/templates/greeter").status_code == 204
    assert panel.get("/templates/greeter").json()["name"] == "Hello"


def test_a_name_is_taken_once_and_stays(panel: Panel) -> None:
    _custom(panel)
    again = panel.post("/templates", {"source": _source()})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "name_taken")
    moved = panel.put("/templates/greeter", {"source": _source().replace("name: greeter", "name: another")})
    assert (moved.status_code, list(moved.json()["error"]["fields"])) == (422, ["source.metadata.name"])
    assert panel.put("/templates/nothing", {"source": _source()}).status_code == 404
    assert panel.delete("/templates/nothing").status_code == 404


def test_a_dry_run_checks_a_file_and_stores_nothing(panel: Panel) -> None:
    tried = panel.post("/templates?dry_run=true", {"source": _source()})
    assert (tried.status_code, tried.json()["dry_run"]["changes"][0]["resource"]) == (201, "template")
    assert panel.get("/templates/greeter").status_code == 404


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("kind: Template", "kind: Service", "source.kind"),
        ("ai-admin-panel/hello:1", "nginx:latest", "source.spec.compose"),
        ('expose: ["8080"]', "privileged: true", "source.spec.compose"),
        ('expose: ["8080"]', 'volumes: ["/var/run/docker.sock:/var/run/docker.sock"]', "source.spec.compose"),
        ('"${GREETING}"', '"${HOME}"', "source.spec.compose"),
        ("default: Hello", "default: Hello, secret: true", "source.spec.variables.0.default"),
        ("tags: [demo]", "icon: ../../../etc/passwd", "source.metadata.icon"),
        ("apiVersion: v2", "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]", "source.a"),
        ("apiVersion: v2", "apiVersion: v2\nx: !!python/object/apply:os.system [id]", "source.x"),
        ("apiVersion: v2", "apiVersion: v2\n--- {}", "source"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_by_field(panel: Panel, old: str, new: str, field: str) -> None:
    assert old in _source()
    refused = panel.post("/templates", {"source": _source().replace(old, new)})
    assert refused.status_code == 422
    assert field in {".".join(name.split(".")[: field.count(".") + 1]) for name in refused.json()["error"]["fields"]}
    assert panel.get("/templates/greeter").status_code == 404


def test_an_alias_bomb_is_refused_at_once(panel: Panel) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 15)
    )
    started = process_time()
    assert panel.post("/templates", {"source": bomb}).status_code == 422
    assert panel.post("/templates", {"source": "[" * 65_536}).status_code == 422
    assert panel.post("/templates", {"source": "x" * 65_537}).status_code == 422
    assert process_time() - started < 5


def test_a_logo_of_a_request_is_kept_or_refused(panel: Panel) -> None:
    _custom(panel, logo=EXAMPLE["logo"])
    logo = panel.get("/templates/greeter/logo")
    assert logo.text == EXAMPLE["logo"]
    assert "sandbox" in logo.headers["content-security-policy"]
    evil = EXAMPLE["logo"].replace("<circle", "<script>alert(1)</script><circle")
    refused = panel.put("/templates/greeter", {"source": _source(), "logo": evil})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["logo"])
    assert panel.put("/templates/greeter", {"source": _source()}).status_code == 200
    assert panel.get("/templates/greeter/logo").content == builtin.logo("template.svg")
    named = _source().replace("tags: [demo]", "icon: hello.svg")
    assert panel.put("/templates/greeter", {"source": named}).status_code == 200
    assert panel.get("/templates/greeter/logo").content == builtin.logo("hello.svg")


def test_only_staff_with_the_permission_change_templates(panel: Panel) -> None:
    _custom(panel)
    for key in (panel.key("customer", "cust_a"), panel.key("operator", "cust_a"), panel.key("viewer")):
        assert panel.post("/templates", {"source": _source()}, key=key).status_code == 403
        assert panel.put("/templates/greeter", {"source": _source()}, key=key).status_code == 403
        assert panel.delete("/templates/greeter", key=key).status_code == 403
        assert panel.get("/templates/greeter", key=key).status_code == 200
    assert panel.delete("/templates/greeter", key=panel.key("operator")).status_code == 204


def test_the_number_of_custom_templates_is_limited(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.templates.MOST_TEMPLATES", 1)
    _custom(panel)
    refused = panel.post("/templates", {"source": _source().replace("name: greeter", "name: another")})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


def test_changes_of_templates_are_in_the_audit_record(panel: Panel) -> None:
    _custom(panel)
    panel.put("/templates/greeter", {"source": _source("Other")})
    panel.delete("/templates/greeter")
    events = panel.get("/audit-events?resource_type=template&resource_id=greeter").json()["data"]
    assert [event["action"] for event in events] == ["delete_template", "replace_template", "create_template"]
    changes = {change["field"]: change for change in events[1]["changes"]}
    assert (changes["template.name"]["before"], changes["template.name"]["after"]) == ("Greeter", "Other")
    assert changes["template.source"]["after"] == "(hidden)"
    assert "summary.name" not in changes
