"""Validation of compose texts and exports of services over HTTP."""

from typing import Any

from tests.conformance import CANARY
from tests.panel import Panel

COMPOSE = """\
services:
  db:
    image: shop/db:1
    environment: {PASSWORD: "${PASSWORD:-none}"}
    volumes: [data:/data]
    deploy: {resources: {limits: {cpus: "0.1", memory: 64M}}}
  web:
    image: shop/web:1
    expose: [8080, 9090]
    depends_on: [db]
    deploy: {replicas: 3, resources: {limits: {cpus: "0.1", memory: 32M}}}
volumes: {data: }
"""


def _compose(panel: Panel, name: str = "shop", text: str = COMPOSE, **fields: Any) -> dict[str, Any]:
    created = panel.post("/services", {"name": name, "deploy_method": "compose", "compose": text, **fields})
    assert created.status_code == 201, created.text
    panel.work()
    return dict(panel.get(f"/services/{created.json()['id']}").json())


# ── validate ─────────────────────────────────────────────────────────────────────────────────────


def test_validate_service_returns_all_findings_at_once(panel: Panel) -> None:
    text = "services:\n  web:\n    image: a\n    privileged: true\n    pid: host\n    expose: [no]\n"
    report = panel.post("/services/validate", {"compose": text}).json()
    assert (report["valid"], report["quota_effect"]) == (False, None)
    assert [(finding["line"], finding["pointer"]) for finding in report["findings"]] == [
        (4, "/services/web/privileged"),
        (5, "/services/web/pid"),
        (6, "/services/web/expose/0"),
    ]


def test_a_warning_leaves_a_text_valid(panel: Panel) -> None:
    text = "services: {web: {image: a, restart: 'on-failure:3'}}"
    report = panel.post("/services/validate", {"compose": text}).json()
    assert [finding["code"] for finding in report["findings"]] == ["not_kept"]
    assert report["valid"] is True
    assert panel.post("/services", {"name": "web", "deploy_method": "compose", "compose": text}).status_code == 201


def test_validate_service_returns_the_quota_effect(panel: Panel) -> None:
    report = panel.post("/services/validate", {"compose": COMPOSE}).json()
    assert report["quota_effect"] == {"services": 1, "containers": 4, "cpu": 0.4, "memory_mb": 160, "storage_mb": 0}


def test_validate_service_interpolates_variables(panel: Panel) -> None:
    text = "services: {web: {image: 'shop/web:${TAG:?}'}}"
    without = panel.post("/services/validate", {"compose": text}).json()
    assert [finding["code"] for finding in without["findings"]] == ["missing_variable"]
    assert panel.post("/services/validate", {"compose": text, "variables": {"TAG": "1"}}).json()["valid"] is True


def test_a_text_that_validate_service_accepts_can_be_created(panel: Panel) -> None:
    """Two writers on one volume are refused at creation, so the check must say it."""
    text = "services: {web: {image: a, volumes: ['data:/d'], deploy: {replicas: 2}}}\nvolumes: {data: }"
    report = panel.post("/services/validate", {"compose": text}).json()
    assert panel.post("/services", {"name": "web", "deploy_method": "compose", "compose": text}).status_code == 422
    assert report["valid"] is False
    assert [finding["pointer"] for finding in report["findings"]] == ["/services/web"]


# ── export ───────────────────────────────────────────────────────────────────────────────────────


def test_an_export_has_everything_except_secret_values(panel: Panel) -> None:
    service = _compose(
        panel,
        port=9090,
        variables={"A": "1"},
        secrets={"PASSWORD": CANARY},
        labels={"team": "sales"},
        healthcheck={"path": "/"},
        deploy_timeout=9,
    )
    panel.put(f"/services/{service['id']}/scale", {"component": "web", "replicas": 2})
    exported = panel.get(f"/services/{service['id']}/export").json()
    assert exported.pop("exported_at") == panel.get(f"/services/{service['id']}").json()["updated_at"]
    assert exported == {
        "format": "ai-admin-panel/service/v1",
        "name": "shop",
        "deploy_method": "compose",
        "template": None,
        "image": None,
        "git": None,
        "compose": COMPOSE,
        "variables": {"A": "1"},
        "secrets": ["PASSWORD"],
        "files": {},
        "secret_files": [],
        "profiles": [],
        "publish": [],
        "port": 9090,
        "labels": {"team": "sales"},
        "resources": {"web": {"replicas": 2, "cpu_limit": None, "memory_limit_mb": None}},
        "healthcheck": {"path": "/", "port": None, "interval": 10, "timeout": 5},
        "deploy_timeout": 9,
        "auto_rollback": True,
    }
