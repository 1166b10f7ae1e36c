"""Services from git on the real engine: fetched over HTTP by git, built by BuildKit."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from docker import DockerClient

from domain.adapters.docker.scratch_image import busybox
from tests.git_server import Files, RealRepository, serve
from tests.process import Process

DOCKERFILE = b"""FROM scratch
ARG GREETING=hello
COPY busybox /bin/busybox
COPY www/ /www/
RUN ["/bin/busybox", "echo", "building"]
EXPOSE 8080
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""


def _files(text: str) -> Files:
    return {"app/Dockerfile": DOCKERFILE, "app/busybox": busybox(), "app/www/index.html": text.encode()}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[RealRepository]:
    """An empty repository behind a server."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serve(folder) as base:
        yield RealRepository(folder / "blog.git", base)


def test_a_commit_is_deployed_the_next_one_too_and_a_rollback_brings_the_first_back(
    process: Process, repository: RealRepository, engine: DockerClient
) -> None:
    first = repository.commit(_files("one"))
    service = process.create_running(
        deploy_method="git", git={"repository": repository.url, "context": "app", "branch": "main"}, port=8080
    )
    assert httpx.get(service["url"]).text == "one"
    deployment = process.ask("GET", f"/deployments/{service['deployment_id']}")
    assert deployment["commit"] == first
    second = repository.commit(_files("two"))
    accepted = process.ask("POST", f"/services/{service['id']}/deploy")
    assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    assert httpx.get(service["url"]).text == "two"
    assert process.ask("GET", f"/deployments/{accepted['id']}")["commit"] == second
    log = process.ask("GET", f"/deployments/{accepted['id']}/logs?limit=1000")["data"]
    assert any(line["step"] == "building" and "COPY www/" in line["text"] for line in log)
    accepted = process.ask("POST", f"/services/{service['id']}/rollback")
    assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    assert httpx.get(service["url"]).text == "one"
    assert not list((process.folder / "repositories").glob("fetch-*"))
    process.ask("DELETE", f"/services/{service['id']}?volumes=delete")
    assert not engine.images.list(filters={"label": f"panel.service={service['id']}"})
