"""API and workers as separate processes on PostgreSQL."""

import pytest
from docker import DockerClient

from tests.engine import Images
from tests.process import Process, engine_objects, get_page, until

pytestmark = pytest.mark.postgres


@pytest.fixture
def api(process: Process, postgres_url: str) -> Process:
    """An API on PostgreSQL, without workers."""
    process.stop()
    process.settings["PANEL_DATABASE_URL"] = postgres_url
    process.key = ""
    (process.folder / "serve.log").unlink()
    process.start("api")
    return process


def test_an_api_and_two_workers_share_the_work(api: Process, images: Images) -> None:
    workers = [api.start_worker(), api.start_worker()]
    image = {"deploy_method": "image", "image": images.reference("web:1"), "port": 8080}
    created = [api.create(**{**image, "name": f"web-{number}"}) for number in range(4)]
    assert [api.wait_finished(service["operation_id"])["status"] for service in created] == ["succeeded"] * 4
    for new in created:
        service = api.ask("GET", f"/services/{new['id']}")
        assert get_page(service["url"]) == images.reference("web:1")
    assert [worker.poll() for worker in workers] == [None, None]


def test_a_worker_that_dies_is_replaced_by_the_other(api: Process, images: Images, engine: DockerClient) -> None:
    worker = api.start_worker(crash_at="checking")
    created = api.create(deploy_method="image", image=images.reference("web:1"), port=8080)
    worker.wait(60)
    api.start_worker()
    assert api.wait_finished(created["operation_id"])["status"] == "succeeded"
    assert len(engine_objects(engine, created["id"])) == 2
    service = api.ask("GET", f"/services/{created['id']}")
    until(lambda: get_page(service["url"]) == images.reference("web:1"), 10, "routed")


def test_data_on_postgresql_survives_a_crash(api: Process) -> None:
    api.start_worker()
    service = api.create_running(deploy_method="template", template="hello", name="hello")
    api.kill()
    api.start("api")
    assert api.ask("GET", f"/services/{service['id']}")["status"] == "running"
