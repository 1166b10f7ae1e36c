"""A Redis that is configured and away: the panel works, and says what is missing and what to do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from domain import api_keys
from domain.model.role import Role
from domain.settings import BadSetting, Settings
from handlers import server
from handlers.program import wiring
from handlers.program.worker import Worker
from tests.handlers.program.test_command import error_line, restore_logging, run  # noqa: F401
from tests.panel import Panel
from tests.redis import redis_url  # noqa: F401

AWAY = "redis://panel:hunter2@127.0.0.1:1/0"


@contextmanager
def wired(folder: Path, url: str) -> Iterator[Panel]:
    """A panel with the parts that the program takes."""
    ports = wiring.open_ports(Settings(data_dir=folder, runtime="memory", redis_url=url))
    key = api_keys.create_first_key(ports) or api_keys.create_unbounded_key(ports, "admin again", Role.ADMIN)
    with start_blocking_portal() as portal:
        yield Panel(ports, server.create(ports), portal, Worker(ports), key)
    ports.notifier.close()
    ports.store.close()


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    with wired(tmp_path, AWAY) as panel:
        yield panel


def test_health_shows_an_admin_that_redis_is_unavailable_and_what_to_do(panel: Panel) -> None:
    health = panel.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    redis = health.json()["checks"]["redis"]
    assert redis["status"] == "unavailable"
    for part in (
        "PANEL_REDIS_URL",
        "counts rate limits by itself",
        "up to a second",
        "127.0.0.1:1",
        "Connection refused",
    ):
        assert part in redis["detail"]
    assert "hunter2" not in health.text


def test_the_panel_is_ready_without_redis(panel: Panel) -> None:
    ready = panel.get("/health?probe=ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert ready.json()["checks"]["redis"]["status"] == "unavailable"


def test_limits_are_counted_and_operations_run_without_redis(panel: Panel) -> None:
    remaining = [int(panel.get("/roles").headers["x-ratelimit-remaining"]) for _ in range(3)]
    assert remaining == [119, 118, 117]
    assert panel.service()["status"] == "running"


def test_check_reports_that_redis_is_unavailable_and_fails(tmp_path: Path) -> None:
    result = run("check", folder=tmp_path, PANEL_REDIS_URL=AWAY)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("redis")]
    assert "Start the Redis server that PANEL_REDIS_URL names" in line
    assert "hunter2" not in result.output


def test_an_invalid_redis_url_is_reported_in_one_line(tmp_path: Path) -> None:
    line = error_line(run("check", folder=tmp_path, PANEL_REDIS_URL="redis://:hunter2/3@host:6379"))
    assert "PANEL_REDIS_URL cannot be used; it takes redis://" in line
    assert "%2F" in line
    assert "hunter2" not in line


def test_an_invalid_redis_url_leaves_the_database_unchanged(tmp_path: Path) -> None:
    with pytest.raises(BadSetting):
        wiring.open_ports(Settings(data_dir=tmp_path, runtime="memory", redis_url="host:6379"))
    assert not (tmp_path / "panel.db").exists()


@pytest.mark.redis
def test_check_succeeds_if_redis_responds(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    result = run("check", folder=tmp_path, PANEL_REDIS_URL=redis_url)
    assert result.exit_code == 0, result.output
    assert f"{'redis':32} Redis answers" in result.stdout.splitlines()
    assert not {one.name for one in threading.enumerate()} & {
        "redis-publisher",
        "redis-subscriber",
    }  # the notifier is closed


@pytest.mark.redis
def test_two_processes_of_one_panel_share_limits_and_notifications(tmp_path: Path, redis_url: str) -> None:  # noqa: F811
    with wired(tmp_path, redis_url) as one, wired(tmp_path, redis_url) as other:
        left = [int(panel.get("/roles", key=one.admin).headers["x-ratelimit-remaining"]) for panel in (one, other)]
        assert left == [119, 118]
        other.ports.notifier.wait(20, since=0)  # it listens
        mark = other.ports.notifier.version()
        one.post("/services", {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1"})
        other.ports.notifier.wait(20, mark)
        assert other.ports.notifier.version() != mark
