"""Two of each process on one PostgreSQL and one Redis: all work is done once, and 200 listeners hear of all of it."""

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
from tests.process import Process, free_port, left_at, until, visited
from tests.redis import redis_url  # noqa: F401

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
_SERVICES, _SOCKETS = 12, 200
Doors = tuple[Process, Process]


@pytest.fixture
def doors(process: Process, postgres_url: str, redis_url: str) -> Iterator[Doors]:  # noqa: F811
    """Two APIs; beside each stand a worker and a socket server of its own."""
    process.stop()
    process.settings |= {"PANEL_DATABASE_URL": postgres_url, "PANEL_REDIS_URL": redis_url}
    process.settings["PANEL_WS_ADDRESS"] = f"127.0.0.1:{free_port()}"
    process.key = ""
    (process.folder / "serve.log").unlink()
    process.start("api")
    settings = process.settings | {"PANEL_WS_ADDRESS": f"127.0.0.1:{free_port()}"}
    other = Process(process.folder, process.docker_host, settings=settings, key=process.key)
    other.start("api")
    for one in (process, other):
        one.start_worker()
        one.start_ws()
    yield process, other
    other.kill()


@contextmanager
def _listening(doors: Doors) -> Iterator[Watchers]:
    """Every second socket at the same door; all are open when the block begins."""
    all_ = [Watcher(f"socket {number}", doors[0].key) for number in range(_SOCKETS)]
    watchers = Watchers([door.port for door in doors], all_, Random(0))
    watchers.start()
    until(lambda: all(watcher.connections for watcher in all_), 30, "all sockets are open")
    yield watchers
    watchers.stop()


def _deployed(doors: Doors, image: str) -> list[dict[str, Any]]:
    """Services that were asked for all at once, at both doors, when their deployments have ended."""

    def deploy(number: int) -> dict[str, Any]:
        door = doors[number % 2]
        created = door.create(name=f"web-{number}", deploy_method="image", image=image, port=8080)
        assert door.ended(created["operation_id"], 90)["status"] == "succeeded"
        return dict(door.ask("GET", f"/services/{created['id']}"))

    with ThreadPoolExecutor(_SERVICES) as pool:
        return list(pool.map(deploy, range(_SERVICES)))


def _log(door: Process, deployment_id: str) -> Counter[str]:
    lines = door.ask("GET", f"/deployments/{deployment_id}/logs?limit=1000")["data"]
    return Counter("pulled" if "@sha256:" in line["text"] else line["text"] for line in lines)


def test_work_is_done_once_and_every_listener_is_told_of_all_of_it(
    doors: Doors, images: Images, engine: DockerClient, postgres_url: str
) -> None:
    image = images.reference("web:1")
    with _listening(doors) as watchers:
        services = _deployed(doors, image)
        events = doors[0].ask("GET", "/events?limit=1000")["data"]
        until(lambda: not watchers.behind(events[-1]["seq"]), 20, "every socket has the last event")
    with psycopg.connect(postgres_url) as connection:
        tried = connection.execute("SELECT kind, status, attempts FROM operations").fetchall()
    assert tried == [("deploy", "succeeded", 1)] * _SERVICES
    for service in services:
        log = _log(doors[1], service["deployment_id"])
        assert (log["pulled"], log["Creating containers"], log["Starting containers"]) == (1, 1, 1)
        assert len(left_at(engine, service["id"])) == 2, "one container and one network"
        assert visited(service["url"]) == image
    assert {event["data"]["service_id"] for event in events} == {service["id"] for service in services}
    assert list(event_delivery.sequence_gaps(events)) == []
    assert [error for watcher in watchers.all if (error := event_delivery.delivery_error(watcher, events))] == []
    assert {watcher.connections for watcher in watchers.all} == {1}, "nobody was cut"
