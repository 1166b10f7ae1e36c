"""Files beside a compose text: given with a request, stored with the definition, written into containers."""

import base64
from typing import Any

import httpx
import pytest

from domain.adapters.memory import Behaviour
from tests.calls import error, tables
from tests.panel import Panel

COMPOSE = """services:
  web:
    image: ai-admin-panel/hello:1
    expose: [8080]
    env_file: app.env
    volumes: ['./conf/app.ini:/etc/app.ini:ro', './data:/data']
    secrets: [token]
secrets: {token: {file: token.txt}}
"""
SECRET = "an-unguessable-token"
FILES: dict[str, Any] = {
    "./app.env": {"content": "MODE=fast\n"},
    "conf/app.ini": {"content_base64": base64.b64encode(b"\xffbinary").decode()},
    "data/seed.txt": {"content": "first"},
    "token.txt": {"content": SECRET, "secret": True},
}


def refused(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    return error(response)


def create(panel: Panel, name: str, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "deploy_method": "compose", "compose": COMPOSE, "files": FILES, **fields}
    created = panel.post("/services", {field: value for field, value in body.items() if value is not None})
    assert created.status_code == 201, created.text
    panel.work()
    return dict(panel.get(f"/services/{created.json()['id']}").json())


def container_files(panel: Panel, service_id: str) -> dict[str, bytes]:
    """Return the files of the service's only container."""
    [fake] = [
        fake for name, fake in panel.ports.runtime.fakes.items() if name.startswith(service_id) and fake.is_running
    ]
    return {file.path: file.content for file in fake.spec.component.files}


def test_files_are_written_into_the_containers(panel: Panel):
    service = create(panel, "filed")
    assert service["status"] == "running"
    assert container_files(panel, service["id"]) == {
        "/etc/app.ini": b"\xffbinary",
        "/data/seed.txt": b"first",
        "/run/secrets/token": SECRET.encode(),
    }
    [fake] = [fake for name, fake in panel.ports.runtime.fakes.items() if name.startswith(service["id"])]
    assert fake.spec.environment == {"MODE": "fast"}


def test_answers_name_the_files_and_the_export_has_those_that_are_not_secret(panel: Panel):
    service = create(panel, "exported")
    assert service["files"] == [
        {"path": "app.env", "size": 10, "secret": False},
        {"path": "conf/app.ini", "size": 7, "secret": False},
        {"path": "data/seed.txt", "size": 5, "secret": False},
        {"path": "token.txt", "size": None, "secret": True},
    ]
    export = panel.get(f"/services/{service['id']}/export").json()
    assert export["files"] == {
        "app.env": {"content": "MODE=fast\n"},
        "conf/app.ini": FILES["conf/app.ini"],
        "data/seed.txt": {"content": "first"},
    }
    assert export["secret_files"] == ["token.txt"]


def test_a_secret_file_is_encrypted_at_rest_and_masked_in_logs(panel: Panel):
    service = create(panel, "sealed")
    assert not [row for rows in tables(panel, audit=True).values() for row in rows if SECRET in row]
    [name] = [name for name in panel.ports.runtime.fakes if name.startswith(service["id"])]
    panel.ports.runtime.print_lines(name, f"token is {SECRET}")
    lines = panel.get(f"/services/{service['id']}/logs").json()["data"]
    assert [line["text"] for line in lines if "token is" in line["text"]] == ["token is ********"]


def test_a_change_of_a_file_is_deployed_and_a_rollback_brings_the_old_one_back(panel: Panel):
    service_id = create(panel, "rolled")["id"]
    changed = panel.patch(f"/services/{service_id}", {"files": {"data/seed.txt": {"content": "second"}}})
    assert changed.headers["location"]
    panel.work()
    assert container_files(panel, service_id)["/data/seed.txt"] == b"second"
    assert panel.ports.runtime.files[f"{service_id}-.data", "seed.txt"].content == b"second"
    deployment = panel.get(f"/deployments/{changed.json()['deployment_id']}").json()
    assert deployment["changes"]["files_changed"] == ["data/seed.txt"]
    panel.post(f"/services/{service_id}/rollback", {})
    panel.work()
    assert container_files(panel, service_id)["/data/seed.txt"] == b"first"
    assert panel.ports.runtime.files[f"{service_id}-.data", "seed.txt"].content == b"first"


def test_a_failed_deployment_brings_back_the_files_in_volumes(panel: Panel):
    service_id = create(panel, "undone")["id"]
    panel.ports.runtime.images["shop/crash:1"] = Behaviour(exit_code=3)
    failing = COMPOSE.replace("ai-admin-panel/hello:1", "shop/crash:1\n    restart: 'no'")
    files = {"data/seed.txt": {"content": "second"}}
    panel.post(f"/services/{service_id}/deploy", {"compose": failing, "files": files})
    panel.work()
    assert panel.get(f"/services/{service_id}").json()["status"] == "running"
    assert panel.ports.runtime.files[f"{service_id}-.data", "seed.txt"].content == b"first"


def test_equal_files_are_no_change(panel: Panel):
    service_id = create(panel, "equal")["id"]
    same = panel.patch(f"/services/{service_id}", {"files": FILES})
    assert "location" not in same.headers
    assert same.json()["pending_changes"] is False


def test_files_merge_by_path_and_member(panel: Panel):
    service_id = create(panel, "merged")["id"]
    files: dict[str, Any] = {"token.txt": {"content": "newer"}, "app.env": {"secret": True}, "data/seed.txt": None}
    merged = panel.patch(f"/services/{service_id}", {"files": files}).json()["files"]
    assert [(file["path"], file["secret"]) for file in merged] == [
        ("app.env", True),
        ("conf/app.ini", False),
        ("token.txt", True),
    ]
    panel.work()
    assert container_files(panel, service_id) == {"/etc/app.ini": b"\xffbinary", "/run/secrets/token": b"newer"}


def test_a_missing_file_is_named_with_what_to_do(panel: Panel):
    missing = {path: file for path, file in FILES.items() if path != "token.txt"}
    body = {"name": "missing", "deploy_method": "compose", "compose": COMPOSE, "files": missing}
    assert "`token.txt` is not given" in refused(panel.post("/services", body), 422)["fields"]["compose"]
    finding = panel.post("/services/validate", {"compose": COMPOSE, "files": missing}).json()["findings"][-1]
    assert (finding["code"], finding["line"]) == ("missing_file", 8)
    assert "`files`" in finding["message"]
    assert panel.post("/services/validate", {"compose": COMPOSE, "files": FILES}).json()["valid"] is True


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ({"a/../../b": {"content": ""}}, "files.a/../../b"),
        ({"..": {"content": ""}}, "files..."),
        ({".": {"content": ""}}, "files.."),
        ({"a\nb": {"content": ""}}, "files.a\nb"),
        ({"a": {}}, "files.a"),
        ({"a": {"content_base64": "%%"}}, "files.a"),
        ({"a": {"content_base64": "ü"}}, "files.a"),
        ({"a": {"content": "x" * 600_000}, "b": {"content": "x" * 600_000}}, "files"),
        ({"/etc/passwd": {"content": ""}}, "files"),
        ({"a": {"content": "", "content_base64": ""}}, "files.a"),
        ({str(number): {"content": ""} for number in range(201)}, "files"),
    ],
)
def test_files_that_cannot_be_used_are_refused(panel: Panel, files: dict[str, Any], field: str):
    body = {"name": "wrong", "deploy_method": "compose", "compose": COMPOSE, "files": files}
    assert any(name.startswith(field) for name in refused(panel.post("/services", body), 422)["fields"])


def test_validation_reports_files_that_cannot_be_used(panel: Panel):
    for files, field in (
        ({"a": {}}, "files.a: "),
        ({"a": {"content_base64": "%%"}}, "files.a: "),
        ({"..": {"content": ""}}, "files...: "),
        ({"a": {"content": "x" * 600_000}, "b": {"content": "x" * 600_000}}, "files: "),
    ):
        report = panel.post("/services/validate", {"compose": COMPOSE, "files": files}).json()
        [finding] = report["findings"]
        assert (report["valid"], report["quota_effect"], report["summary"]) == (False, None, "refused: 1 error")
        assert (finding["code"], finding["severity"], finding["line"]) == ("bad_value", "error", 1)
        assert finding["message"].startswith(field)


def test_files_and_profiles_belong_to_compose_texts(panel: Panel):
    service_id = panel.service("imaged")["id"]
    for body in ({"files": {"a": {"content": ""}}}, {"profiles": ["a"]}):
        assert refused(panel.patch(f"/services/{service_id}", body), 409)["code"] == "wrong_state"
        image = {"name": "x", "deploy_method": "image", "image": "ai-admin-panel/hello:1", **body}
        assert refused(panel.post("/services", image), 422)


def test_a_service_stores_a_bounded_amount_of_files(panel: Panel):
    service = create(panel, "bounded")
    path = f"/services/{service['id']}"
    first = service["deployment_id"]
    for number in range(18):
        content = str(number).ljust(1_000_000, "x")
        assert panel.post(f"{path}/deploy", {"files": {"data/seed.txt": {"content": content}}}).status_code == 202
        panel.work()
    with panel.ports.store.read() as work:
        newest = work.deployments.newest(service["id"])
        assert newest
        digests = {file.digest for file in newest.definition.files}
        assert work.files.contents(service["id"], digests).keys() == digests
    assert sum(map(len, tables(panel)["files"])) <= 17 * 1024 * 1024
    gone = refused(panel.post(f"{path}/rollback", {"deployment_id": first}), 409)
    assert (gone["code"], "no longer stored" in gone["details"]) == ("nothing_to_roll_back", True)
    assert panel.post(f"{path}/rollback", {}).status_code == 202


def test_services_with_a_profile_start_only_if_it_is_named(panel: Panel):
    compose = (
        "services:\n  web: {image: 'ai-admin-panel/hello:1', expose: [8080]}\n"
        "  metrics: {image: 'ai-admin-panel/hello:1', profiles: [metrics]}\n"
    )
    service = create(panel, "profiled", compose=compose, files=None, port=8080)
    path = f"/services/{service['id']}"
    assert _running(panel, path) == ["web"]
    assert panel.patch(path, {"profiles": ["metrics"]}).json()["profiles"] == ["metrics"]
    panel.work()
    assert _running(panel, path) == ["metrics", "web"]
    assert panel.post(f"{path}/deploy", {"profiles": []}).json()["changes"]["settings"] == ["profiles"]
    findings = panel.post("/services/validate", {"compose": compose}).json()["findings"]
    assert [found["code"] for found in findings] == ["not_kept"]
    assert panel.post("/services/validate", {"compose": compose, "profiles": ["*"]}).json()["findings"] == []


def _running(panel: Panel, path: str) -> list[str]:
    containers = panel.get(f"{path}/containers").json()["data"]
    return sorted(container["component"] for container in containers if container["state"] == "running")


def test_containers_get_only_the_variables_that_the_text_names(panel: Panel):
    compose = COMPOSE.replace("    secrets: [token]\n", "    environment: [PASSED]\n    labels: {a: $FILLED}\n")
    given = {"PASSED": "1", "FILLED": "2", "FORGOTTEN": "3"}
    service = create(panel, "named", compose=compose, variables=given)
    [fake] = [fake for name, fake in panel.ports.runtime.fakes.items() if name.startswith(service["id"])]
    assert fake.spec.environment == {"MODE": "fast", "PASSED": "1"}
    body = {"compose": compose, "files": FILES, "variables": given}
    [unused] = [
        found
        for found in panel.post("/services/validate", body).json()["findings"]
        if found["code"] == "unused_variable"
    ]
    assert "`environment: [FORGOTTEN]`" in unused["message"]
    log = panel.get(f"/deployments/{service['deployment_id']}/logs").json()["data"]
    assert [line["text"] for line in log if "FORGOTTEN" in line["text"]] == [f"Warning: Line 1: {unused['message']}"]


def test_a_service_from_an_image_gets_all_of_its_variables(panel: Panel):
    service = panel.service("whole", variables={"GREETING": "Hello"})
    [fake] = [fake for name, fake in panel.ports.runtime.fakes.items() if name.startswith(service["id"])]
    assert fake.spec.environment == {"GREETING": "Hello"}
    log = panel.get(f"/deployments/{service['deployment_id']}/logs").json()["data"]
    assert not [line["text"] for line in log if "Warning" in line["text"]]


@pytest.mark.parametrize(
    ("compose", "summary"),
    [
        (COMPOSE, "accepted: 1 component, 1 volume, 1 route"),
        (
            "services: {a: {image: x, ports: ['1:1'], volumes: [b:/b, ./c:/c], logging: {driver: x}}, d: {image: x}}",
            "accepted: 2 components, 2 volumes, 1 route; 2 things translated, 1 thing left out, 1 other warning",
        ),
        ("services: {a: {privileged: true}}", "refused: 2 errors"),
        ("services: {a: {image: x}}", "accepted: 1 component, 0 volumes, 0 routes"),
    ],
)
def test_a_validation_has_a_summary_for_people(panel: Panel, compose: str, summary: str):
    assert panel.post("/services/validate", {"compose": compose, "files": FILES}).json()["summary"] == summary
