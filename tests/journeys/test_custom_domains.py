"""Custom domains with a worker that runs, on the real Caddy."""

from pathlib import Path

import pytest

from domain.adapters import caddy as brand
from domain.adapters import memory
from domain.ports.router import Target
from tests.caddy import Caddy, caddy, serve_text  # noqa: F401
from tests.panel import Panel, start_panel
from tests.process import until

pytestmark = pytest.mark.caddy
HOST = "shop.example.com"


class _Router(memory.Router):
    """A router whose services are all reached at one port."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    def listener(self, service_id: str) -> Target | None:
        return self._target if super().listener(service_id) else None


def _prove(panel: Panel, dns: memory.Dns) -> str:
    domain = panel.post("/domains", {"host": HOST, "service_id": panel.service()["id"]}).json()
    record = domain["verification"]["record"]
    dns.txt[record["name"]] = [record["value"]]
    assert panel.post(f"/domains/{domain['id']}/verify").status_code == 200
    return str(domain["id"])


def _is_served(server: Caddy) -> bool:
    try:
        return server.get(HOST)[:2] == (200, "shop /")
    except OSError:
        return False


def test_routes_come_back_within_five_seconds_after_caddy_has_lost_them(
    tmp_path: Path,
    caddy: Caddy,  # noqa: F811
) -> None:
    dns = memory.Dns()
    with serve_text("shop") as shop:
        adapters = {"edge": brand.Edge(caddy.admin), "dns": dns, "router": _Router(shop)}
        with start_panel(tmp_path, adapters=adapters) as panel:
            domain_id = _prove(panel, dns)
            panel.worker.start()
            until(lambda: _is_served(caddy), 5, "the route is there")
            for lose in (caddy.kill, caddy.stop, caddy.lose_configuration):
                lose()
                caddy.start()
                until(lambda: _is_served(caddy), 5, "the route is there again")
            assert panel.delete(f"/domains/{domain_id}").status_code == 204
            until(lambda: "ai_admin_panel" not in str(caddy.configuration()), 5, "the route is gone")
            panel.worker.stop()
