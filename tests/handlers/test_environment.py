"""The environment of a service over HTTP: read, replace, update and reveal variables; secrets stay masked."""

from typing import Any

import pytest

from tests.conformance import CANARY
from tests.panel import Panel

TEXT = """\
services:
  web:
    image: shop/web:1
    environment: {GREETING: "${GREETING}"}
    deploy: {resources: {limits: {memory: "${MEMORY:-64M}"}}}
"""


def _create_service(panel: Panel, **fields: Any) -> str:
    given = {"variables": {"A": "1", "B": "2"}, "secrets": {"TOKEN": CANARY}, **fields}
    return f"/services/{panel.service(**given)['id']}"


def _values(response: Any) -> dict[str, str]:
    assert response.status_code == 200, response.text
    names = [variable["name"] for variable in response.json()["variables"]]
    assert names == sorted(names)
    return {variable["name"]: variable["value"] for variable in response.json()["variables"]}


def _secrets(response: Any) -> list[str]:
    return [variable["name"] for variable in response.json()["variables"] if variable["secret"]]


def _fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.text
    return list(response.json()["error"]["fields"])


def _reveal(panel: Panel, path: str, *names: str) -> dict[str, str]:
    response = panel.post(f"{path}/env/reveal", {"names": list(names)})
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return dict(response.json()["values"])


def test_get_environment_masks_secrets(panel: Panel) -> None:
    path = _create_service(panel)
    read = panel.get(f"{path}/env")
    assert _values(read) == {"A": "1", "B": "2", "TOKEN": "********"}
    assert _secrets(read) == ["TOKEN"]
    assert (read.json()["version"], read.json()["pending_changes"]) == (1, False)
    assert read.json()["service_id"] == path.rsplit("/", 1)[1]


def test_replace_environment_leaves_exactly_the_named_variables(panel: Panel) -> None:
    path = _create_service(panel)
    replaced = panel.put(f"{path}/env", {"variables": {"B": "3", "C": "4"}, "secrets": {"TOKEN": None, "NEW": CANARY}})
    assert _values(replaced) == {"B": "3", "C": "4", "NEW": "********", "TOKEN": "********"}
    assert (replaced.json()["version"], replaced.json()["pending_changes"]) == (2, True)
    assert _reveal(panel, path, "B", "TOKEN", "NEW") == {"B": "3", "TOKEN": CANARY, "NEW": CANARY}
    assert _values(panel.put(f"{path}/env", {})) == {}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"variables": {"TOKEN": "x"}, "secrets": {"TOKEN": None}}, ["secrets.TOKEN"]),
        ({"variables": {"X": "1"}, "secrets": {"X": "2"}}, ["secrets.X"]),
        ({"variables": {"X": "\0"}, "secrets": {"Y": "\0"}}, ["variables.X", "secrets.Y"]),
        ({"variables": {"X": None}}, ["variables.X"]),
    ],
)
def test_an_invalid_replacement_changes_nothing(panel: Panel, body: dict[str, Any], fields: list[str]) -> None:
    path = _create_service(panel)
    before = panel.get(f"{path}/env")
    assert _fields(panel.put(f"{path}/env", body)) == fields
    after = panel.get(f"{path}/env")
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


def test_a_secret_to_keep_that_has_no_stored_value_returns_409_and_changes_nothing(panel: Panel) -> None:
    path = _create_service(panel)
    before = panel.get(f"{path}/env")
    refused = panel.put(f"{path}/env", {"secrets": {"A": None, "NEW": None, "TOKEN": None}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "wrong_state")
    assert refused.json()["error"]["details"] == "Send a value for A, NEW"
    assert panel.get(f"{path}/env").json() == before.json()


def test_update_environment_sets_and_removes_the_named_variables(panel: Panel) -> None:
    path = _create_service(panel)
    changed = panel.patch(f"{path}/env", {"variables": {"A": None, "C": "3"}, "secrets": {"MORE": CANARY}})
    assert _values(changed) == {"B": "2", "C": "3", "MORE": "********", "TOKEN": "********"}
    headers = {"Content-Type": "application/merge-patch+json"}
    removed = panel.request("PATCH", f"{path}/env", content=b'{"secrets": {"TOKEN": null}}', headers=headers)
    assert _values(removed) == {"B": "2", "C": "3", "MORE": "********"}
    unknown = panel.patch(f"{path}/env", {"variables": {"NEVER": None}})
    assert _values(unknown) == _values(removed), "removing a missing variable succeeds"


def test_a_name_moves_between_variables_and_secrets(panel: Panel) -> None:
    path = _create_service(panel)
    hidden = panel.patch(f"{path}/env", {"secrets": {"A": CANARY}})
    assert _secrets(hidden) == ["A", "TOKEN"]
    open_again = panel.patch(f"{path}/env", {"variables": {"A": "open"}})
    assert (_secrets(open_again), _values(open_again)["A"]) == (["TOKEN"], "open")
    both = panel.patch(
        f"{path}/env", {"variables": {"A": None, "TOKEN": "plain"}, "secrets": {"A": "x", "TOKEN": None}}
    )
    assert (_secrets(both), _values(both)["TOKEN"]) == (["A"], "plain")
    assert _reveal(panel, path, "A") == {"A": "x"}
    assert _fields(panel.patch(f"{path}/env", {"variables": {"A": "1"}, "secrets": {"A": "2"}})) == ["secrets.A"]


def test_a_variable_that_the_text_requires_cannot_be_removed(panel: Panel) -> None:
    text = TEXT.replace("${GREETING}", "${GREETING:?what to say}")
    body = {"name": "shop", "deploy_method": "compose", "compose": text, "variables": {"GREETING": "hi"}}
    path = f"/services/{panel.post('/services', body).json()['id']}"
    panel.work()
    for refused in (
        panel.put(f"{path}/env", {}),
        panel.patch(f"{path}/env", {"variables": {"GREETING": None}}),
        panel.patch(f"{path}/env?dry_run=true", {"variables": {"GREETING": None}}),
    ):
        assert _fields(refused) == ["compose"]
        assert "line 4" in refused.json()["error"]["fields"]["compose"]
        assert "GREETING" in refused.json()["error"]["fields"]["compose"]
    assert panel.get(f"{path}/env").json()["version"] == 1


def test_a_secret_that_breaks_the_text_is_not_in_the_message(panel: Panel) -> None:
    body = {"name": "shop", "deploy_method": "compose", "compose": TEXT, "variables": {"GREETING": "hi"}}
    path = f"/services/{panel.post('/services', body).json()['id']}"
    assert _fields(panel.patch(f"{path}/env", {"secrets": {"MEMORY": CANARY}})) == ["compose"]


def test_limits_follow_the_variables_in_them(panel: Panel) -> None:
    body = {"name": "shop", "deploy_method": "compose", "compose": TEXT, "variables": {"GREETING": "hi"}}
    path = f"/services/{panel.post('/services', body).json()['id']}"
    panel.patch(f"{path}/env", {"variables": {"MEMORY": "128M"}})
    assert panel.get(path).json()["resources"]["memory_limit_mb"] == 128


def test_containers_get_changed_variables_with_the_next_deployment(panel: Panel) -> None:
    path = _create_service(panel)
    panel.patch(f"{path}/env", {"variables": {"A": "9"}})
    assert panel.get("/operations").json()["total"] == 1, "nothing restarts by itself"
    assert panel.get(path).json()["pending_changes"] is True
    panel.post(f"{path}/restart")
    panel.work()
    assert panel.get(f"{path}/env").json()["pending_changes"] is True
    panel.post(f"{path}/deploy")
    panel.work()
    for read in (path, f"{path}/env"):
        assert panel.get(read).json()["pending_changes"] is False
    panel.patch(f"{path}/env", {"variables": {"A": "1"}})
    panel.patch(f"{path}/env", {"variables": {"A": "9"}})
    assert panel.get(f"{path}/env").json()["pending_changes"] is False, "it is what runs again"


def test_the_environment_of_a_template_is_not_pending_when_nothing_changed(panel: Panel) -> None:
    body = {"name": "blog", "variables": {"POSTGRES_PASSWORD": CANARY}}
    path = f"/services/{panel.post('/templates/postgres/deploy', body).json()['id']}"
    panel.work()
    same = {
        variable["name"]: variable["value"]
        for variable in panel.get(f"{path}/env").json()["variables"]
        if not variable["secret"]
    }
    changed = panel.patch(f"{path}/env", {"variables": same})
    assert changed.json()["pending_changes"] is False


def test_another_port_does_not_make_the_environment_pending(panel: Panel) -> None:
    path = _create_service(panel)
    panel.post(f"{path}/stop")
    panel.work()
    panel.patch(path, {"deploy_timeout": 9})
    assert panel.get(path).json()["pending_changes"] is True
    assert panel.get(f"{path}/env").json()["pending_changes"] is False


def test_a_dry_run_names_the_variables_that_change(panel: Panel) -> None:
    path = _create_service(panel)
    before = panel.get(f"{path}/env")
    body = {"variables": {"B": "2", "C": "3"}, "secrets": {"TOKEN": CANARY + "2"}}
    tried = panel.put(f"{path}/env?dry_run=true", body)
    assert _values(tried) == {"B": "2", "C": "3", "TOKEN": "********"}
    assert [change["summary"] for change in tried.json()["dry_run"]["changes"]] == [
        "Removes A",
        "Adds C",
        "Changes TOKEN",
    ]
    after = panel.get(f"{path}/env")
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])
    assert tried.headers["etag"] == before.headers["etag"], "what to match when the change is meant"
    assert panel.put(f"{path}/env", body, headers={"If-Match": tried.headers["etag"]}).status_code == 200


def test_an_unknown_name_reveals_nothing(panel: Panel) -> None:
    path = _create_service(panel)
    refused = panel.post(f"{path}/env/reveal", {"names": ["TOKEN", "NOPE"]})
    assert refused.status_code == 404
    assert CANARY not in refused.text
    assert "NOPE" in refused.text


def test_only_callers_with_the_permission_reveal_and_only_their_own(panel: Panel) -> None:
    path = _create_service(panel, customer_id="cust_a")
    names = {"names": ["TOKEN"]}
    for role in ("viewer", "operator"):
        assert panel.post(f"{path}/env/reveal", names, key=panel.key(role)).status_code == 403
    assert panel.post(f"{path}/env/reveal", names, key=panel.key("customer", "cust_b")).status_code == 404
    owner = panel.post(f"{path}/env/reveal", names, key=panel.key("customer", "cust_a"))
    assert owner.json()["values"] == {"TOKEN": CANARY}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_the_environment_of_another_customer_is_not_found(panel: Panel, method: str) -> None:
    path = _create_service(panel, customer_id="cust_a")
    options = {} if method == "GET" else {"json": {"variables": {"A": "2"}}}
    assert panel.request(method, f"{path}/env", key=panel.key("customer", "cust_b"), **options).status_code == 404
    assert panel.get(f"{path}/env").json()["version"] == 1
