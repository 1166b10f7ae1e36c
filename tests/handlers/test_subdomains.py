"""Subdomains of services: unique in the installation, and none of the operator's own names."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.services.subdomains import RESERVED
from tests.panel import Panel, start_panel

HELLO = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}


def _create(panel: Panel, name: str, customer_id: str | None = None) -> dict[str, object]:
    created = panel.post("/services", {"name": name, "customer_id": customer_id, **HELLO})
    assert created.status_code == 201, created.text
    return dict(created.json())


def test_a_service_gets_its_name_and_the_next_tenant_another_subdomain(panel: Panel):
    first, second = _create(panel, "shop", "cust_1"), _create(panel, "shop", "cust_2")
    assert first["subdomain"] == "shop"
    assert second["subdomain"] == f"shop-{str(second['id'])[-6:]}"
    assert [panel.get(f"/services/{made['id']}").json()["subdomain"] for made in (first, second)] == [
        first["subdomain"],
        second["subdomain"],
    ]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_name_is_not_given_away(panel: Panel, name: str):
    made = _create(panel, name)
    assert made["subdomain"] not in RESERVED
    assert str(made["subdomain"]).startswith(f"{name}-")


def test_the_panels_own_name_below_the_domain_is_not_given_away(tmp_path: Path):
    settings = {"base_domain": "example.com", "public_url": "https://control.example.com"}
    with start_panel(tmp_path, **settings) as panel:
        assert _create(panel, "control")["subdomain"] != "control"
        assert _create(panel, "controls")["subdomain"] == "controls"


def test_a_long_name_stays_a_label_of_a_host_name(panel: Panel):
    name = "a" * 63
    assert _create(panel, name, "cust_1")["subdomain"] == name
    assert len(str(_create(panel, name, "cust_2")["subdomain"])) == 63


def test_a_rename_keeps_the_subdomain_and_deletion_frees_it(panel: Panel):
    service = panel.service("shop")
    renamed = panel.patch(f"/services/{service['id']}", {"name": "store"}).json()
    assert (renamed["name"], renamed["subdomain"]) == ("store", "shop")
    assert _create(panel, "shop")["subdomain"] != "shop"
    panel.delete(f"/services/{service['id']}")
    assert _create(panel, "shop", "cust_9")["subdomain"] == "shop"


def test_of_parallel_requests_for_one_subdomain_one_gets_it(panel: Panel):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: _create(panel, "shop", f"cust_{number}"), range(16)))
    subdomains = [service["subdomain"] for service in made]
    assert len(set(subdomains)) == 16
    assert subdomains.count("shop") == 1
