"""The panel's health and its document over HTTP."""

from typing import Any

from handlers.static_asset import DOCUMENT
from tests.panel import Panel


def test_live_needs_no_component_and_ready_needs_the_engine(panel: Panel) -> None:
    runtime: Any = panel.ports.runtime
    assert panel.get("/health?probe=ready", key=None).json()["status"] == "ok"
    runtime.away = True
    assert panel.get("/health", key=None).status_code == 200
    away = panel.get("/health?probe=ready", key=None)
    assert (away.status_code, away.json()["status"]) == (503, "unavailable")
    runtime.away = False
    assert panel.get("/health?probe=ready", key=None).status_code == 200


def test_only_admins_without_a_customer_see_the_components(panel: Panel) -> None:
    assert panel.get("/health").json()["checks"].keys() == {"database", "engine", "identity_provider"}
    for key in (None, panel.key("operator"), panel.key("admin", "cust_a")):
        assert "checks" not in panel.get("/health", key=key).json()


def test_the_document_is_served_byte_for_byte(panel: Panel) -> None:
    served = panel.get("/openapi.yaml", key=None)
    assert (served.content, served.headers["content-type"]) == (DOCUMENT.content, "application/yaml")
    same = panel.get("/openapi.yaml", key=None, headers={"If-None-Match": served.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
