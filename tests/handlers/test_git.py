"""Services from git over HTTP: created, deployed again, changed and rolled back, and what is refused."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from domain.adapters import memory
from domain.adapters.memory import Link
from domain.model.customer import Customer
from domain.ports.git import FetchFailed
from domain.rollout import build_log
from domain.rollout.reconcile.built_images import remove_unneeded_images
from tests.git_server import Files, MemoryRepository
from tests.operation_data import Resources
from tests.operations.plans import create_plan
from tests.panel import Panel

FILES: Files = {"Dockerfile": b"FROM scratch\nARG VERSION\nEXPOSE 8080\n", "main.py": b"1\n"}


@pytest.fixture
def repository(panel: Panel) -> MemoryRepository:
    """A repository that the panel can fetch, with one commit."""
    repository = MemoryRepository()
    git: Any = panel.ports.git
    git.repositories[repository.url] = repository
    repository.commit(FILES)
    return repository


def _create(panel: Panel, repository: MemoryRepository, /, *, name: str = "blog", **git: Any) -> httpx.Response:
    source = {"repository": repository.url, **git}
    return panel.post("/services", {"name": name, "deploy_method": "git", "git": source})


def _running(panel: Panel, repository: MemoryRepository, **git: Any) -> str:
    created = _create(panel, repository, **git)
    assert created.status_code == 201, created.text
    panel.work()
    return f"/services/{created.json()['id']}"


def _deployed(panel: Panel, path: str, body: Any = None) -> dict[str, Any]:
    accepted = panel.post(f"{path}/deploy", body)
    assert accepted.status_code == 202, accepted.text
    panel.work()
    return dict(panel.get(f"/deployments/{accepted.json()['id']}").json())


def _newest(panel: Panel, path: str) -> dict[str, Any]:
    return dict(panel.get(f"/deployments/{panel.get(path).json()['deployment_id']}").json())


def _succeeded(panel: Panel, path: str) -> dict[str, Any]:
    service_id = path.rpartition("/")[2]
    found = panel.get(f"/deployments?service_id={service_id}&status=succeeded").json()["data"]
    assert len(found) == 1
    return dict(panel.get(f"/deployments/{found[0]['id']}").json())


def _failure(panel: Panel, path: str) -> tuple[str, str]:
    failure = _newest(panel, path)["failure"]
    return failure["code"], failure["message"]


def _log(panel: Panel, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    return list(panel.get(f"/deployments/{deployment['id']}/logs?limit=1000").json()["data"])


def _images(panel: Panel) -> set[str]:
    return set(panel.ports.runtime.built_images({"panel.instance": panel.ports.instance}))


def test_a_service_from_git_is_fetched_built_and_routed(panel: Panel, repository: MemoryRepository) -> None:
    commit = repository.commit(
        {**FILES, "Dockerfile": b'FROM scratch\nRUN ["/bin/busybox", "echo", "built!"]\nEXPOSE 80'}
    )
    path = _running(panel, repository)
    service, deployment = panel.get(path).json(), _newest(panel, path)
    assert (service["status"], service["deploy_method"], service["image"]) == ("running", "git", None)
    assert service["git"] == {
        "repository": repository.url, "branch": None, "tag": None, "commit": None, "dockerfile": "Dockerfile",
        "context": ".", "build_arguments": {},
    }  # fmt: skip
    assert service["url"]
    assert (deployment["status"], deployment["commit"]) == ("succeeded", commit)
    assert [step["name"] for step in deployment["steps"]][:4] == ["fetching", "building", "pulling", "creating"]
    assert {image["digest"] for image in deployment["images"]} == _images(panel)
    log = _log(panel, deployment)
    assert [line["step"] for line in log if line["text"] == "built!"] == ["building"]
    assert any(line["text"] == f"Building commit {commit}" for line in log)


def test_a_new_deployment_fetches_the_newest_commit_of_the_branch(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository, branch="main")
    first = _newest(panel, path)
    commit = repository.commit({**FILES, "main.py": b"2\n"})
    second = _deployed(panel, path)
    assert (second["status"], second["commit"]) == ("succeeded", commit)
    assert second["images"] != first["images"]


def test_a_rollback_runs_the_image_that_was_built_and_fetches_nothing(
    panel: Panel, repository: MemoryRepository
) -> None:
    path = _running(panel, repository)
    first = _newest(panel, path)
    repository.commit({**FILES, "main.py": b"2\n"})
    _deployed(panel, path)
    git: Any = panel.ports.git
    asked = len(git.requests)
    accepted = panel.post(f"{path}/rollback").json()
    panel.work()
    back = panel.get(f"/deployments/{accepted['id']}").json()
    assert (back["status"], back["commit"], back["images"]) == ("succeeded", first["commit"], first["images"])
    assert next(step["name"] for step in back["steps"]) == "pulling"
    assert len(git.requests) == asked


def test_a_change_of_settings_or_size_runs_the_image_that_is_live(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository)
    first = _newest(panel, path)
    repository.commit({**FILES, "main.py": b"2\n"})
    assert panel.patch(path, {"deploy_timeout": 9}).status_code == 200
    panel.work()
    updated = _newest(panel, path)
    assert panel.put(f"{path}/scale", {"replicas": 2}).status_code == 202
    panel.work()
    scaled = _newest(panel, path)
    assert [each["commit"] for each in (updated, scaled)] == [first["commit"]] * 2
    assert updated["images"] == scaled["images"] == first["images"]


def test_a_change_that_waits_for_a_deployment_takes_the_commit_of_that(
    panel: Panel, repository: MemoryRepository
) -> None:
    path = _running(panel, repository)
    commit = repository.commit({**FILES, "main.py": b"2\n"})
    panel.post(f"{path}/deploy")
    panel.put(f"{path}/scale", {"replicas": 2})
    panel.work()
    assert _newest(panel, path)["commit"] == commit


@pytest.mark.parametrize("by", ["update", "deploy"])
def test_another_branch_is_deployed_by_an_update_and_by_a_deployment(
    panel: Panel, repository: MemoryRepository, by: str
) -> None:
    path = _running(panel, repository)
    commit = repository.commit({**FILES, "main.py": b"2\n"}, branch="next")
    body = {"git": {"branch": "next", "build_arguments": {"VERSION": "2"}}}
    assert (panel.patch(path, body) if by == "update" else panel.post(f"{path}/deploy", body)).is_success
    panel.work()
    deployment = _newest(panel, path)
    assert (deployment["status"], deployment["commit"]) == ("succeeded", commit)
    assert deployment["changes"]["settings"] == ["git"]
    git = panel.get(path).json()["git"]
    assert (git["branch"], git["tag"], git["build_arguments"]) == ("next", None, {"VERSION": "2"})


def test_one_kind_of_revision_replaces_another_and_null_removes_it(panel: Panel, repository: MemoryRepository) -> None:
    repository.commit(FILES, tag="v1")
    path = _running(panel, repository, branch="main", build_arguments={"A": "1", "B": "2"})
    changed = panel.patch(path, {"git": {"tag": "v1", "build_arguments": {"A": None}}}).json()["git"]
    assert (changed["branch"], changed["tag"], changed["build_arguments"]) == (None, "v1", {"B": "2"})
    changed = panel.patch(path, {"git": {"branch": None}}).json()["git"]
    assert (changed["branch"], changed["tag"], changed["commit"]) == (None, None, None)


def test_an_image_service_has_no_repository_and_a_git_service_no_image(
    panel: Panel, repository: MemoryRepository
) -> None:
    image, git = f"/services/{panel.service()['id']}", _running(panel, repository)
    for path, body in ((image, {"git": {"branch": "next"}}), (git, {"image": "shop/web:1"}), (git, {"compose": "a"})):
        for refused in (panel.patch(path, body), panel.post(f"{path}/deploy", body)):
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "wrong_state"), refused.text


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"repository": "--upload-pack=touch /tmp/x"}, "git.repository"),
        ({"repository": "ext::sh -c touch% /tmp/x"}, "git.repository"),
        ({"repository": "file:///etc"}, "git.repository"),
        ({"repository": "ssh://-oProxyCommand=x/y"}, "git.repository"),
        ({"repository": "git@git.example.com:shop/blog.git"}, "git.repository"),
        ({"repository": "https://ann:s3cret@git.example.com/x"}, "git.repository"),
        ({"repository": "https://git.example.com/x?token=s3cret"}, "git.repository"),
        ({"branch": "--upload-pack=x"}, "git.branch"),
        ({"branch": "main:refs/heads/x"}, "git.branch"),
        ({"tag": "*"}, "git.tag"),
        ({"commit": "HEAD"}, "git.commit"),
        ({"branch": "main", "tag": "v1"}, "git.tag"),
        ({"dockerfile": "../Dockerfile"}, "git.dockerfile"),
        ({"dockerfile": "/etc/passwd"}, "git.dockerfile"),
        ({"context": "app/../../x"}, "git.context"),
        ({"build_arguments": {"BUILDKIT_SYNTAX": "evil/frontend"}}, "git.build_arguments.BUILDKIT_SYNTAX"),
        ({"build_arguments": {"A-B": "1"}}, "git.build_arguments"),
    ],
    ids=str,
)
def test_sources_that_could_do_more_than_name_files_are_refused(
    panel: Panel, repository: MemoryRepository, fields: dict[str, Any], named: str
) -> None:
    refused = _create(panel, repository, **fields)
    assert refused.status_code == 422, refused.text
    assert named in str(refused.json()["error"]["fields"])
    assert "s3cret" not in refused.text


def test_a_repository_of_the_inside_is_not_fetched(panel: Panel) -> None:
    git: Any = panel.ports.git
    resolver: Any = panel.ports.resolver
    resolver.names["inside.example.com"] = ("8.8.8.8", "10.0.0.1")
    for number, host in enumerate(("inside.example.com", "127.0.0.1", "2130706433", "169.254.169.254", "localhost")):
        path = _running(panel, MemoryRepository(url=f"https://{host}/x.git"), name=f"inside-{number}")
        code, message = _failure(panel, path)
        assert (code, f"{host} is not on the internet" in message) == ("repository_refused", True), message
    assert not git.requests


def test_the_addresses_that_were_checked_are_the_ones_to_connect_to(panel: Panel, repository: MemoryRepository) -> None:
    resolver: Any = panel.ports.resolver
    resolver.names["git.example.com"] = ("8.8.4.4",)
    _running(panel, repository)
    git: Any = panel.ports.git
    assert [request.addresses for request in git.requests] == [("8.8.4.4",)]


def test_http_is_for_allowed_networks_alone(panel: Panel) -> None:
    path = _running(panel, MemoryRepository(url="http://git.example.com/x.git"))
    assert _failure(panel, path)[0] == "repository_refused"
    object.__setattr__(panel.ports, "settings", replace(panel.ports.settings, allowed_networks=("8.8.8.8/32",)))
    assert _deployed(panel, path)["status"] == "succeeded"


def test_a_plan_without_git_refuses_it(panel: Panel, repository: MemoryRepository) -> None:
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer("cust_shop", "Shop", now, now))
    plan = create_plan(Resources(panel), features={"git_deploy": False, "compose_deploy": True})
    assert panel.post("/subscriptions", {"customer_id": "cust_shop", "plan_id": plan}).status_code == 201
    body = {"name": "blog", "deploy_method": "git", "git": {"repository": repository.url}}
    refused = panel.post("/services", {**body, "customer_id": "cust_shop"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "feature_not_in_plan"), refused.text


@pytest.mark.parametrize(
    ("files", "fields", "code"),
    [
        ({"main.py": b""}, {}, "build_failed"),
        (FILES, {"context": "missing"}, "build_failed"),
        ({**FILES, "leak": Link("../../etc/passwd")}, {}, "policy_refused"),
        ({**FILES, "leak": Link("/etc/passwd")}, {}, "policy_refused"),
        ({"app/Dockerfile": FILES["Dockerfile"], "app/leak": Link("../main.py")}, {"context": "app"}, "policy_refused"),
        ({"Dockerfile": Link("main.py"), "main.py": b"FROM scratch"}, {}, "build_failed"),
        ({"Dockerfile": b"FROM scratch\nADD http://169.254.169.254/ /x\n"}, {}, "policy_refused"),
        ({"Dockerfile": b"FROM localhost:5000/shop/web\n"}, {}, "registry_refused"),
        ({"Dockerfile": b'FROM scratch\nRUN ["/bin/busybox", "false"]\n'}, {}, "build_failed"),
        (FILES, {"branch": "missing"}, "revision_missing"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_built_fails_with_its_reason(
    panel: Panel, repository: MemoryRepository, files: Files, fields: dict[str, str], code: str
) -> None:
    repository.commit(files)
    path = _running(panel, repository, **fields)
    assert _failure(panel, path)[0] == code
    assert panel.get(path).json()["status"] == "failed"
    assert not panel.ports.runtime.containers({"panel.instance": panel.ports.instance})


def test_a_build_that_fails_leaves_the_old_version_serving(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository)
    live = panel.get(path).json()
    repository.commit({"Dockerfile": b'FROM scratch\nRUN ["/bin/busybox", "false"]\n'})
    assert _deployed(panel, path)["status"] == "failed"
    service = panel.get(path).json()
    assert (service["status"], service["url"], service["deployed_at"]) == ("running", live["url"], live["deployed_at"])


def test_a_server_that_does_not_answer_has_a_code_of_its_own(panel: Panel, repository: MemoryRepository) -> None:
    git: Any = panel.ports.git
    git.failures["git.example.com"] = FetchFailed("The server git.example.com does not answer")
    path = _running(panel, repository)
    assert _failure(panel, path) == ("repository_unavailable", "The server git.example.com does not answer")


def test_base_images_are_pulled_with_the_build_arguments_in_place(panel: Panel, repository: MemoryRepository) -> None:
    repository.commit({"Dockerfile": b"ARG VERSION=1\nFROM shop/base:${VERSION} AS build\nFROM build\nEXPOSE 80\n"})
    path = _running(panel, repository, build_arguments={"VERSION": "2"})
    assert _newest(panel, path)["status"] == "succeeded"
    assert panel.ports.runtime.find_image("shop/base:2")
    assert not panel.ports.runtime.find_image("shop/base:1")


def test_secrets_in_the_output_of_a_build_are_masked(panel: Panel, repository: MemoryRepository) -> None:
    repository.commit({"Dockerfile": b'FROM scratch\nRUN ["/bin/busybox", "echo", "canary-7Jp2"]\nEXPOSE 80'})
    body = {"name": "leaky", "deploy_method": "git", "git": {"repository": repository.url}}
    created = panel.post("/services", {**body, "secrets": {"TOKEN": "canary-7Jp2"}}).json()
    panel.work()
    log = panel.get(f"/deployments/{created['deployment_id']}/logs").text
    assert "********" in log
    assert "canary-7Jp2" not in log


def test_the_output_of_a_build_is_kept_up_to_a_limit(
    panel: Panel, repository: MemoryRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_log, "MOST_LINES", 5)
    lines = b"".join(b'RUN ["/bin/busybox", "echo", "%d"]\n' % number for number in range(20))
    repository.commit({"Dockerfile": b"FROM scratch\n" + lines + b"EXPOSE 80\n"})
    deployment = _newest(panel, _running(panel, repository))
    log = _log(panel, deployment)
    assert deployment["status"] == "succeeded"
    assert sum(line["stream"] == "engine" and line["step"] == "building" for line in log) == 5
    assert any(line["text"] == "The rest of the output is left out" for line in log)


def test_the_containers_get_all_variables(panel: Panel, repository: MemoryRepository) -> None:
    body = {"name": "blog", "deploy_method": "git", "git": {"repository": repository.url}, "variables": {"A": "1"}}
    panel.post("/services", body)
    panel.work()
    runtime: Any = panel.ports.runtime
    assert isinstance(runtime, memory.Runtime)
    assert [fake.spec.environment for fake in runtime.fakes.values()] == [{"A": "1"}]


def test_an_export_names_the_repository(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository, branch="main")
    assert panel.get(f"{path}/export").json()["git"]["branch"] == "main"


def test_the_audit_record_names_what_is_built(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository)
    panel.patch(path, {"git": {"branch": "main"}})
    events = panel.get("/audit-events?action=update_service").json()["data"]
    assert [change["field"] for change in events[0]["changes"]] == ["definition.git.branch"]


def test_images_that_no_deployment_needs_are_removed(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository)
    repository.commit({"Dockerfile": FILES["Dockerfile"], "b": b""})
    panel.ports.runtime.built = memory.Behaviour(exit_code=3)  # type: ignore[attr-defined]
    assert _deployed(panel, path)["status"] == "failed"
    panel.post(f"{path}/deploy")
    remove_unneeded_images(panel.ports)
    assert len(_images(panel)) == 2, "an operation is unfinished"
    panel.work()
    remove_unneeded_images(panel.ports)
    assert _images(panel) == {image["digest"] for image in _succeeded(panel, path)["images"]}


def test_deleting_a_service_removes_its_images(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository)
    assert _images(panel)
    assert panel.delete(path).status_code == 204
    assert not _images(panel)


def test_images_of_services_that_are_gone_are_removed(panel: Panel, repository: MemoryRepository) -> None:
    path = _running(panel, repository)
    with panel.ports.store.begin() as work:
        work.operations.remove_history(path.rpartition("/")[2], panel.ports.clock.now())
        work.deployments.remove_of(path.rpartition("/")[2])
        work.services.remove(path.rpartition("/")[2])
    for container in panel.ports.runtime.containers({"panel.instance": panel.ports.instance}):
        panel.ports.runtime.remove(container.name)
    remove_unneeded_images(panel.ports)
    assert not _images(panel)
