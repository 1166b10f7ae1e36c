"""Ports of the host for components that speak no HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.model.project import Port
from tests.calls import error
from tests.panel import Panel

COMPOSE = """services:
  dns: {image: 'shop/dns:1', ports: ['53:53/udp', '53:53']}
  web: {image: 'ai-admin-panel/hello:1', expose: [8080]}
"""
DNS: list[dict[str, Any]] = [{"component": "dns", "port": 53, "protocol": "udp"}, {"component": "dns", "port": 53}]


def create(panel: Panel, name: str, publish: list[dict[str, Any]] = DNS, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "deploy_method": "compose", "compose": COMPOSE, "publish": publish, **fields}
    created = panel.post("/services", body)
    assert created.status_code == 201, created.text
    return dict(created.json())


def published(panel: Panel, service_id: str) -> dict[Port, int]:
    """Return what the service's containers publish at the engine."""
    fakes = [
        fake for name, fake in panel.ports.runtime.fakes.items() if name.startswith(service_id) and fake.is_running
    ]
    return {port: host for fake in fakes for port, host in fake.spec.published.items()}


def host_ports(service: dict[str, Any]) -> list[tuple[str, int]]:
    return [(port["protocol"], port["host_port"]) for port in service["publish"]]


def test_the_answer_names_the_ports_of_the_host_and_the_engine_has_them(panel: Panel):
    service = create(panel, "named")
    assert service["publish"] == [
        {"component": "dns", "port": 53, "protocol": "udp", "host_port": 65535},
        {"component": "dns", "port": 53, "protocol": "tcp", "host_port": 65535},
    ]
    panel.work()
    assert panel.get(f"/services/{service['id']}").json()["status"] == "running"
    assert published(panel, service["id"]) == {Port(53, "udp"): 65535, Port(53): 65535}
    assert panel.get(f"/services/{service['id']}/export").json()["publish"][1]["protocol"] == "tcp"


def test_no_two_services_have_the_same_port(panel: Panel):
    with ThreadPoolExecutor(4) as pool:
        services = list(pool.map(lambda number: create(panel, f"parallel-{number}"), range(8)))
    ports = [port for service in services for port in host_ports(service)]
    assert len(set(ports)) == 16


def test_a_redeployment_keeps_the_ports_and_stops_the_old_container_first(panel: Panel):
    service = create(panel, "kept")
    panel.work()
    path = f"/services/{service['id']}"
    deployed = panel.post(f"{path}/deploy", {}).json()
    panel.work()
    after = panel.get(path).json()
    assert (after["status"], host_ports(after)) == ("running", host_ports(service))
    log = panel.get(f"/deployments/{deployed['id']}/logs").json()["data"]
    assert "Stopping the old dns: two cannot have one port of the host" in [line["text"] for line in log]


def test_a_failed_deployment_gives_the_old_container_its_port_back(panel: Panel):
    service = create(panel, "undone")
    panel.work()
    path = f"/services/{service['id']}"
    panel.ports.runtime.images["shop/bad:1"] = type(panel.ports.runtime.images["ai-admin-panel/hello:1"])(exit_code=3)
    panel.post(f"{path}/deploy", {"compose": COMPOSE.replace("'shop/dns:1'", "'shop/bad:1', restart: 'no'")})
    panel.work()
    assert panel.get(path).json()["status"] == "running"
    assert published(panel, service["id"]) == {Port(53, "udp"): 65535, Port(53): 65535}


def test_ports_are_released_once_nothing_uses_them(panel: Panel):
    first = create(panel, "first")
    panel.work()
    path = f"/services/{first['id']}"
    changed = panel.patch(path, {"publish": DNS[:1]}).json()
    assert host_ports(changed) == [("udp", 65535)]
    assert host_ports(create(panel, "second", DNS[1:])) == [("tcp", 65534)], "the old version has 65535 still"
    panel.work()
    assert host_ports(create(panel, "third", DNS[1:])) == [("tcp", 65533)], "the version before may come back"
    panel.post(f"{path}/deploy", {})
    panel.work()
    assert host_ports(create(panel, "fourth", DNS[1:])) == [("tcp", 65535)]
    assert panel.delete(path).status_code == 204
    assert host_ports(create(panel, "fifth", DNS[:1])) == [("udp", 65535)]


def test_a_rollback_takes_the_ports_of_the_earlier_version_or_free_ones(panel: Panel):
    service = create(panel, "rolled", DNS[1:])
    path = f"/services/{service['id']}"
    panel.work()
    panel.patch(path, {"publish": []})
    panel.work()
    panel.post(f"{path}/deploy", {})
    panel.work()
    assert host_ports(create(panel, "other", DNS[1:])) == [("tcp", 65535)]
    panel.post(f"{path}/rollback", {"deployment_id": service["deployment_id"]})
    panel.work()
    after = panel.get(path).json()
    assert (after["status"], host_ports(after)) == ("running", [("tcp", 65534)])


def test_a_dry_run_reserves_nothing(panel: Panel):
    body = {"name": "dry", "deploy_method": "compose", "compose": COMPOSE, "publish": DNS}
    assert panel.post("/services?dry_run=true", body).is_success
    with panel.ports.store.read() as work:
        assert work.published_ports.all() == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"publish": [{"component": "absent", "port": 53}]}, "no service absent"),
        ({"compose": COMPOSE.replace("'shop/dns:1'", "'shop/dns:1', scale: 2")}, "2 replicas"),
        ({"compose": COMPOSE.replace("'shop/dns:1'", "'shop/dns:1', network_mode: none")}, "no network"),
        (
            {
                "compose": COMPOSE.replace("'shop/dns:1'", "'shop/dns:1', networks: [i]")
                + "networks: {i: {internal: true}}"
            },
            "no network",
        ),
    ],
)
def test_a_port_that_cannot_be_published_is_refused(panel: Panel, change: dict[str, Any], word: str):
    body = {"name": "wrong", "deploy_method": "compose", "compose": COMPOSE, "publish": DNS, **change}
    refused = panel.post("/services", body)
    assert (refused.status_code, word in error(refused)["fields"]["publish"]) == (422, True), refused.text
