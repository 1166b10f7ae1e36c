"""Two of each process on PostgreSQL and Redis: operations run once, and 200 clients receive all events."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

import psycopg
import pytest
from docker import DockerClient

from tests.chaos import event_delivery
from tests.chaos.watchers import Watcher, Watchers
from tests.engine import Images
from tests.process import Process, engine_objects, free_port, get_page, until
from tests.redis import redis_url  # noqa: F401

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
_SERVICES, _SOCKETS = 12, 200
Apis = tuple[Process, Process]


@pytest.fixture
def apis(process: Process, postgres_url: str, redis_url: str) -> Iterator[Apis]:  # noqa: F811
    """Two APIs, each with a worker and a WebSocket server."""
    process.stop()
    process.settings |= {"PANEL_DATABASE_URL": postgres_url, "PANEL_REDIS_URL": redis_url}
    process.settings["PANEL_WS_ADDRESS"] = f"127.0.0.1:{free_port()}"
    process.key = ""
    (process.folder / "serve.log").unlink()
    process.start("api")
    settings = process.settings | {"PANEL_WS_ADDRESS": f"127.0.0.1:{free_port()}"}
    other = Process(process.folder, process.docker_host, settings=settings, key=process.key)
    other.start("api")
    for api in (process, other):
        api.start_worker()
        api.start_ws()
    yield process, other
    other.kill()


@contextmanager
def _connect_watchers(apis: Apis) -> Iterator[Watchers]:
    """Connect all clients, alternating between the APIs."""
    all_ = [Watcher(f"socket {number}", apis[0].key) for number in range(_SOCKETS)]
    watchers = Watchers([api.port for api in apis], all_, Random(0))
    watchers.start()
    until(lambda: all(watcher.connections for watcher in all_), 30, "all sockets are open")
    yield watchers
    watchers.stop()


def _deploy_all(apis: Apis, image: str) -> list[dict[str, Any]]:
    """Create services concurrently at both APIs, wait for their deployments, and return them."""

    def deploy(number: int) -> dict[str, Any]:
        api = apis[number % 2]
        created = api.create(name=f"web-{number}", deploy_method="image", image=image, port=8080)
        assert api.wait_finished(created["operation_id"], 90)["status"] == "succeeded"
        return dict(api.ask("GET", f"/services/{created['id']}"))

    with ThreadPoolExecutor(_SERVICES) as pool:
        return list(pool.map(deploy, range(_SERVICES)))


def _log(api: Process, deployment_id: str) -> Counter[str]:
    lines = api.ask("GET", f"/deployments/{deployment_id}/logs?limit=1000")["data"]
    return Counter("pulled" if "@sha256:" in line["text"] else line["text"] for line in lines)


def test_operations_run_once_and_every_client_receives_all_events(
    apis: Apis, images: Images, engine: DockerClient, postgres_url: str
) -> None:
    image = images.reference("web:1")
    with _connect_watchers(apis) as watchers:
        services = _deploy_all(apis, image)
        events = apis[0].ask("GET", "/events?limit=1000")["data"]
        until(lambda: not watchers.behind(events[-1]["seq"]), 20, "every socket has the last event")
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT kind, status, attempts FROM operations").fetchall()
    assert rows == [("deploy", "succeeded", 1)] * _SERVICES
    for service in services:
        log = _log(apis[1], service["deployment_id"])
        assert (log["pulled"], log["Creating containers"], log["Starting containers"]) == (1, 1, 1)
        assert len(engine_objects(engine, service["id"])) == 2, "one container and one network"
        assert get_page(service["url"]) == image
    assert {event["data"]["service_id"] for event in events} == {service["id"] for service in services}
    assert list(event_delivery.sequence_gaps(events)) == []
    assert [error for watcher in watchers.all if (error := event_delivery.delivery_error(watcher, events))] == []
    assert {watcher.connections for watcher in watchers.all} == {1}, "no connection was lost"
