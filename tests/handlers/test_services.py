"""Services over HTTP: created, read, changed, checked, exported, deleted."""

from tests.panel import CANARY, Panel


def test_a_service_is_created_deploying_and_runs_when_its_work_is_done(panel: Panel) -> None:
    created = panel.post("/services", {"name": "web", "deploy_method": "image", "image": "shop/web:1", "port": 80})
    assert (created.status_code, created.json()["status"]) == (201, "deploying")
    panel.work()
    service = panel.get(f"/services/{created.json()['id']}").json()
    assert (service["status"], service["pending_changes"]) == ("running", False)
    assert service["url"].startswith("http://localhost:")


def test_a_secret_is_masked_wherever_the_service_is_shown(panel: Panel) -> None:
    service = panel.service(secrets={"TOKEN": CANARY})
    assert service["variables"] == [{"name": "TOKEN", "value": "********", "secret": True}]
    panel.get(f"/services/{service['id']}/export")
    panel.get(f"/services/{service['id']}/env")


def test_a_deleted_service_is_gone_at_the_engine_too(panel: Panel) -> None:
    service = panel.service()
    assert panel.delete(f"/services/{service['id']}?volumes=delete").status_code == 204
    assert panel.get(f"/services/{service['id']}").status_code == 404
    assert panel.ports.runtime.containers({}) == []
