"""Templates over HTTP: list, read, preview and deploy them; secrets stay masked."""

from typing import Any

import pytest

from tests.conformance import CANARY
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
