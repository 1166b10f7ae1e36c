"""The doors as processes of their own, on PostgreSQL."""

import pytest
from docker import DockerClient

from tests.engine import Images
from tests.process import Process, left_at, until, visited

pytestmark = pytest.mark.postgres


@pytest.fixture
def apart(process: Process, postgres_url: str) -> Process:
    """An API alone on PostgreSQL, with two workers beside it."""
    process.stop()
    process.settings["PANEL_DATABASE_URL"] = postgres_url
    process.key = ""
    (process.folder / "serve.log").unlink()
    process.start("api")
    return process


def test_an_api_and_two_workers_share_the_work(apart: Process, images: Images) -> None:
    workers = [apart.start_worker(), apart.start_worker()]
    image = {"deploy_method": "image", "image": images.reference("web:1"), "port": 8080}
    created = [apart.create(**{**image, "name": f"web-{number}"}) for number in range(4)]
    assert [apart.ended(each["operation_id"])["status"] for each in created] == ["succeeded"] * 4
    for each in created:
        service = apart.ask("GET", f"/services/{each['id']}")
        assert visited(service["url"]) == images.reference("web:1")
    assert [worker.poll() for worker in workers] == [None, None]


def test_a_worker_that_dies_is_replaced_by_the_other(apart: Process, images: Images, engine: DockerClient) -> None:
    dying = apart.start_worker(dying_at="checking")
    created = apart.create(deploy_method="image", image=images.reference("web:1"), port=8080)
    dying.wait(60)
    apart.start_worker()
    assert apart.ended(created["operation_id"])["status"] == "succeeded"
    assert len(left_at(engine, created["id"])) == 2
    service = apart.ask("GET", f"/services/{created['id']}")
    until(lambda: visited(service["url"]) == images.reference("web:1"), 10, "routed")


def test_what_was_stored_on_postgresql_is_there_after_a_crash(apart: Process) -> None:
    apart.start_worker()
    service = apart.deployed(deploy_method="template", template="hello", name="hello")
    apart.kill()
    apart.start("api")
    assert apart.ask("GET", f"/services/{service['id']}")["status"] == "running"
