"""One policy for every operation that takes a compose text or an image."""

from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import pytest

from tests.calls import error, tables
from tests.panel import Panel

GOOD = "services: {{web: {{image: 'ai-admin-panel/hello:1', expose: [8080], {}}}}}\n"
HOSTILE = {
    "privileged_refused": "privileged: true",
    "docker_socket_refused": "volumes: ['/var/run/docker.sock:/x']",
    "host_mount_refused": "volumes: ['/etc:/x']",
    "host_namespace_refused": "network_mode: host",
    "capability_refused": "cap_add: [ALL]",
    "sysctl_refused": "sysctls: {vm.max_map_count: 262144}",
}
IMAGES = [
    "-v",
    "--privileged",
    "hello:1 --privileged",
    "hello;id",
    "hello|id",
    "$(id)",
    "`id`",
    "hello\nUSER root",
    "../x",
]
Ask = Callable[[Panel, dict[str, Any]], httpx.Response]
NAMES = count()


def _name() -> str:
    return f"guarded-{next(NAMES)}"


def _compose_service(panel: Panel) -> str:
    compose = GOOD.format("labels: {}")
    created = panel.post("/services", {"name": _name(), "deploy_method": "compose", "compose": compose})
    panel.work()
    return str(created.json()["id"])


def _create(panel: Panel, body: dict[str, Any]) -> httpx.Response:
    method = "compose" if "compose" in body else "image"
    return panel.post("/services", {"name": _name(), "deploy_method": method, **body})


def _update(panel: Panel, body: dict[str, Any]) -> httpx.Response:
    return panel.patch(f"/services/{_fitting(panel, body)}", body)


def _deploy(panel: Panel, body: dict[str, Any]) -> httpx.Response:
    return panel.post(f"/services/{_fitting(panel, body)}/deploy", body)


def _fitting(panel: Panel, body: dict[str, Any]) -> str:
    return _compose_service(panel) if "compose" in body else str(panel.service(_name())["id"])


WAYS = {"create_service": _create, "update_service": _update, "deploy_service": _deploy}


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("code", HOSTILE)
def test_a_hostile_text_is_refused_by_every_operation_that_takes_one(panel: Panel, ask: Ask, code: str) -> None:
    refused = ask(panel, {"compose": GOOD.format(HOSTILE[code])})
    assert refused.status_code == 422, refused.text
    assert code in str(error(refused)["fields"]["compose"])
    told = panel.post("/services/validate", {"compose": GOOD.format(HOSTILE[code])}).json()
    assert (told["valid"], [found["code"] for found in told["findings"]]) == (False, [code])


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("image", IMAGES)
def test_a_hostile_image_is_refused_by_every_operation_that_takes_one(panel: Panel, ask: Ask, image: str) -> None:
    refused = ask(panel, {"image": image})
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["image"]), refused.text


def test_a_variable_cannot_add_what_the_text_itself_may_not_have(panel: Panel) -> None:
    compose = GOOD.format("volumes: ['${SOURCE}:/x']") + "volumes: {data: }\n"
    body = {"deploy_method": "compose", "compose": compose, "variables": {"SOURCE": "data"}}
    created = panel.post("/services", {"name": _name(), **body})
    assert created.status_code == 201, created.text
    panel.work()
    path, hostile, before = f"/services/{created.json()['id']}", {"SOURCE": "/var/run/docker.sock"}, _stored(panel)
    for refused in (
        panel.put(f"{path}/env", {"variables": hostile}),
        panel.patch(f"{path}/env", {"variables": hostile}),
        panel.patch(f"{path}/env", {"secrets": hostile}),
        panel.post("/services", {**body, "name": _name(), "variables": hostile}),
    ):
        assert refused.status_code == 422, refused.text
    assert _stored(panel) == before


def _stored(panel: Panel) -> dict[str, list[str]]:
    """All but keys, whose uses are counted."""
    return {name: rows for name, rows in tables(panel).items() if name != "api_keys"}
