"""Compose projects start on the real engine as `docker compose up` starts them."""

import time

import pytest

from tests.engine import Images
from tests.process import Process, until

WEB = "web: {{image: {web}, expose: [8080]}}"
ONCE = "[ -f /data/{word} ] && exec sleep 1000; touch /data/{word}; echo no database; exit 1"


def _create(process: Process, images: Images, services: str, **body: object) -> dict[str, object]:
    """Create a service of these components and return its first operation and itself."""
    names = {name: images.reference(f"{name}:1") for name in ("web", "done", "crash", "sleeper", "unhealthy")}
    compose = f"services: {{{services.format(**names)}}}\nvolumes: {{data: }}"
    created = process.create(deploy_method="compose", compose=compose, **body)
    operation = process.wait_finished(created["operation_id"])
    return {"operation": operation, **process.ask("GET", f"/services/{created['id']}")}


def test_an_application_that_ends_until_its_database_is_there_comes_up(process: Process, images: Images) -> None:
    """It ends with 1 at its first start, as many do whose database does not answer yet."""
    script = ONCE.format(word="first")
    app = f"app: {{{{image: {{web}}, command: [sh, -c, '{script}'], restart: always, volumes: ['data:/data']}}}}"
    service = _create(process, images, f"{WEB}, {app}")
    assert service["operation"]["status"] == "succeeded", service["operation"]
    assert service["status"] == "running"


@pytest.mark.parametrize("restart", ["'no'", "on-failure", ""])
def test_a_job_that_ends_with_0_has_succeeded_and_the_service_runs(
    process: Process, images: Images, restart: str
) -> None:
    job = "job: {{image: {done}" + (f", restart: {restart}" if restart else "") + "}}"
    service = _create(process, images, f"{WEB}, {job}")
    assert service["operation"]["status"] == "succeeded", service["operation"]
    time.sleep(3)  # the observer has looked
    assert process.ask("GET", f"/services/{service['id']}")["status"] == "running"
    lines = process.ask("GET", f"/services/{service['id']}/logs?container=job")["data"]
    assert [line["text"] for line in lines] == ["done"], "it ran once"


def test_a_service_of_jobs_is_stopped_when_they_have_ended(process: Process, images: Images) -> None:
    service = _create(process, images, "a: {{image: {done}}}, b: {{image: {done}, restart: 'no'}}")
    assert (service["operation"]["status"], service["status"]) == ("succeeded", "stopped"), service["operation"]


def test_a_crash_loop_fails_and_says_how_often_it_was_restarted(process: Process, images: Images) -> None:
    service = _create(process, images, "app: {{image: {crash}, restart: always}}", deploy_timeout=6)
    failure = service["operation"]["failure"]
    assert failure["code"] == "container_exited"
    assert "it has restarted" in failure["message"]
    assert "cannot open it" in failure["log"]


def test_a_service_that_loops_later_is_steadily_failed_with_its_restarts_counted(
    process: Process, images: Images
) -> None:
    """Each run is long enough to be taken for a start that worked."""
    script = "sleep 6; exit 1"
    app = f"app: {{{{image: {{sleeper}}, command: [sh, -c, '{script}'], restart: always}}}}"
    service = _create(process, images, app)
    path = f"/services/{service['id']}"
    assert service["operation"]["status"] == "succeeded", service["operation"]
    until(lambda: process.ask("GET", path)["health"]["restarts"] >= 2, 40, "it is restarted")
    until(lambda: process.ask("GET", path)["status"] == "failed", 10, "it is failed")
    seen = []
    for _ in range(20):
        seen.append(process.ask("GET", path)["status"])
        time.sleep(0.5)
    assert set(seen) == {"failed"}


def test_an_unhealthy_container_tells_what_its_check_printed(process: Process, images: Images) -> None:
    check = "{{test: [CMD-SHELL, 'echo no tables yet; exit 1'], interval: 200ms, retries: 2}}"
    app = f"app: {{{{image: {{web}}, healthcheck: {check}}}}}"
    failure = _create(process, images, app)["operation"]["failure"]
    assert failure["code"] == "unhealthy"
    assert failure["message"].endswith("The check printed: no tables yet")
