"""What a service prints, takes and consists of on the real engine, as a user sees it."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from tests.engine import SERVE, Images
from tests.process import Process, until

COUNTING = "(i=0; while :; do echo {name} $i; i=$((i+1)); sleep 0.02; done) & " + SERVE


@pytest.fixture
def counting(images: Images) -> dict[str, str]:
    """Two images that say who they are and count, fifty times a second."""
    exposed: dict[str, object] = {"ExposedPorts": {"8080/tcp": {}}}
    return {
        name: images.push(f"counting-{name}:1", **exposed, Cmd=COUNTING.format(name=name)) for name in ("old", "new")
    }


def _service(process: Process, image: str, **body: Any) -> str:
    return str(process.create_running(deploy_method="image", image=image, port=8080, **body)["id"])


def _events(process: Process, service: str, query: str = "", **headers: str) -> Iterator[dict[str, Any]]:
    """The lines of a stream; it is left when the iterator is closed."""
    url = f"http://127.0.0.1:{process.port}/api/services/{service}/logs?follow=true{query}"
    sent = {"Authorization": f"Bearer {process.key}", **headers}
    with httpx.stream("GET", url, headers=sent, timeout=30) as response:
        assert response.status_code == 200, response.read()
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: {}":
                yield dict(orjson.loads(line[6:]))


def _counted(lines: list[dict[str, Any]], name: str) -> list[int]:
    return [int(line["text"].split()[1]) for line in lines if line["text"].startswith(name)]


def _is_gapless(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_stream_goes_on_over_a_deployment_and_loses_nothing(process: Process, counting: dict[str, str]) -> None:
    service = _service(process, counting["old"])
    lines: list[dict[str, Any]] = []
    enough = threading.Event()

    def read() -> None:
        for line in _events(process, service, "&tail=10000"):
            lines.append(line)
            if enough.is_set():
                return

    reading = threading.Thread(target=read)
    reading.start()
    accepted = process.ask("POST", f"/services/{service}/deploy", {"image": counting["new"]})
    assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    until(lambda: len(_counted(lines, "new")) > 50, 20, "the new version is followed")
    enough.set()
    reading.join(10)
    old, new = _counted(lines, "old"), _counted(lines, "new")
    assert (old[0], new[0]) == (0, 0)
    assert _is_gapless(old)
    assert _is_gapless(new)
    assert len({line["container"] for line in lines}) == 2


def test_a_stream_that_broke_is_taken_up_without_a_gap(process: Process, counting: dict[str, str]) -> None:
    service = _service(process, counting["old"])
    seen: list[dict[str, Any]] = []
    for _ in range(4):
        resumed = {"Last-Event-ID": seen[-1]["at"]} if seen else {}
        events = _events(process, service, "&tail=1", **resumed)
        for line in events:
            seen.append(line)
            if len(seen) % 40 == 0:
                break
        events.close()  # type: ignore[attr-defined]
        time.sleep(0.3)
    numbers = _counted(seen, "old")
    assert _is_gapless(sorted(set(numbers)))
    assert len(numbers) - len(set(numbers)) == 3, "the last line comes again each time"


def test_lines_are_merged_and_chosen(process: Process, images: Images) -> None:
    compose = f"""
services:
  web: {{image: '{images.reference("web:1")}', expose: [8080], depends_on: [talker]}}
  talker:
    image: '{images.reference("web:1")}'
    command: ["sh", "-c", "for n in 1 2 3; do echo out $$n; sleep 0.1; echo $$TOKEN $$n >&2; sleep 0.1; done; sleep 99"]
    environment: [TOKEN]
"""
    service = process.create_running(deploy_method="compose", compose=compose, secrets={"TOKEN": "s3cret-value"})["id"]
    until(lambda: len(process.ask("GET", f"/services/{service}/logs")["data"]) == 6, 10, "all is printed")
    lines = process.ask("GET", f"/services/{service}/logs")["data"]
    expected = [
        (stream, f"{text} {n}") for n in (1, 2, 3) for stream, text in (("stdout", "out"), ("stderr", "********"))
    ]
    assert [(line["stream"], line["text"]) for line in lines] == expected
    for query, wanted in (
        ("tail=2", lines[4:]),
        (f"since={lines[2]['at']}&until={lines[4]['at']}", lines[2:4]),
        ("search=OUT&tail=1", lines[4:5]),
        ("search=s3cret", []),
        ("container=talker", lines),
        ("container=web", []),
    ):
        assert process.ask("GET", f"/services/{service}/logs?{query}")["data"] == wanted, query


def test_figures_are_sampled_and_measured(process: Process, images: Images) -> None:
    service = _service(process, images.reference("web:1"))
    [latest] = process.ask("GET", f"/services/{service}/metrics?latest=true")["data"]
    assert 0 < latest["memory_usage_mb"] < 100
    assert latest["cpu_usage"] < 1
    until(lambda: len(process.ask("GET", f"/services/{service}/metrics")["data"]) >= 2, 40, "two samples")
    [mean] = process.ask("GET", f"/services/{service}/metrics?step=3600")["data"][-1:]
    assert 0 < mean["memory_usage_mb"] < 100


def test_containers_are_listed_with_their_figures(process: Process, images: Images) -> None:
    image = images.reference("web:1")
    service = _service(process, image, resources={"memory_limit_mb": 64})
    [one] = process.ask("GET", f"/services/{service}/containers")["data"]
    assert (one["image"], one["state"], one["restarts"], one["component"]) == (image, "running", 0, "app")
    assert (one["stats"]["memory_limit_mb"], one["exit_code"]) == (64, None)
    process.wait_finished(process.ask("POST", f"/services/{service}/stop", {"grace_seconds": 1})["id"])
    [one] = process.ask("GET", f"/services/{service}/containers")["data"]
    assert (one["state"], one["stats"]) == ("exited", None)
