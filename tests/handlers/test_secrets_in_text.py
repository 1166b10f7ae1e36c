"""Secrets do not show without the permission to reveal them: not encoded, and not through what they decide."""

import base64
from urllib.parse import quote_plus

import pytest

from domain.adapters.memory import Behaviour
from tests.panel import Panel

SECRET = "t0p-secret/value+1"
BASIC = base64.b64encode(f"ann:{SECRET}".encode()).decode()
FORMS = (SECRET, base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex(), quote_plus(SECRET), BASIC[8:-4])


def _body(**fields: object) -> dict[str, object]:
    return {"name": "web", "deploy_method": "image", "image": "shop/leaky:1", "secrets": {"TOKEN": SECRET}, **fields}


@pytest.mark.parametrize("exit_code", [None, 3])
def test_encoded_secrets_show_neither_in_logs_nor_in_failures_nor_in_the_database(panel: Panel, exit_code: int | None):
    lines = tuple(f"sending {form}" for form in (*FORMS[:-1], BASIC))
    panel.ports.runtime.images["shop/leaky:1"] = Behaviour(lines=lines, exit_code=exit_code)  # type: ignore[attr-defined]
    created = panel.post("/services", _body()).json()
    panel.work()
    service = f"/services/{created['id']}"
    answers = [
        panel.get(f"/deployments/{created['deployment_id']}").text,
        panel.get(f"/deployments/{created['deployment_id']}/logs").text,
        panel.get(f"/operations/{created['operation_id']}").text,
        panel.get(f"{service}/logs").text,
        panel.get(service).text,
    ]
    assert any("sending" in text for text in answers)
    for text in answers:
        assert not [form for form in FORMS if form in text]
    if not panel.ports.settings.database_url:
        stored = (panel.ports.settings.data_dir / "panel.db").read_bytes()
        stored += (panel.ports.settings.data_dir / "panel.db-wal").read_bytes()
        assert not [form for form in FORMS if form.encode() in stored]


@pytest.mark.parametrize(
    "text",
    [
        "services: {web: {image: 'shop/web:${TOKEN}'}}",
        "services: {web: {image: web, expose: ['${TOKEN}']}}",
        "services: {web: {image: web, mem_limit: '${TOKEN}m'}}",
        "services: {web: {image: web, deploy: {replicas: '${TOKEN}'}}}",
        "services: {web: {image: web, hostname: 'h${TOKEN}'}}",
        "services: {web: {image: 'web:${TOKEN:+1}${TOKEN:-2}'}}",
        "services: {web: {image: web, profiles: [a]}, other: {image: web}, '${TOKEN}': {image: web}}",
    ],
)
@pytest.mark.parametrize("value", ["8123", SECRET])
def test_a_secret_that_decides_a_shown_field_is_refused_without_its_value(panel: Panel, text: str, value: str):
    refused = panel.post(
        "/services", {"name": "web", "deploy_method": "compose", "compose": text, "secrets": {"TOKEN": value}}
    )
    assert refused.status_code == 422, refused.text
    assert value not in refused.text


def test_secrets_select_no_profile(panel: Panel):
    text = "services: {web: {image: web}, debug: {image: debug, profiles: [debug]}}"
    secrets = {"COMPOSE_PROFILES": "debug"}
    body = {"name": "web", "deploy_method": "compose", "compose": text, "secrets": secrets}
    assert panel.post("/services", body).status_code == 422


def test_secrets_may_stand_in_what_only_containers_see(panel: Panel):
    text = (
        "services: {web: {image: web, environment: {A: '${TOKEN}'}, command: ['run', '--token=${TOKEN}'],"
        " entrypoint: ['/bin/x', '${TOKEN}'], healthcheck: {test: ['CMD', 'curl', '${TOKEN}']}}}"
    )
    body = {"name": "web", "deploy_method": "compose", "compose": text, "secrets": {"TOKEN": SECRET}}
    created = panel.post("/services", body)
    assert created.status_code == 201, created.text
    panel.work()
    assert panel.get(f"/services/{created.json()['id']}").json()["status"] == "running"


def test_a_variable_that_decides_a_shown_field_cannot_become_secret(panel: Panel):
    text = "services: {web: {image: 'shop/web:${TAG}'}}"
    body = {"name": "web", "deploy_method": "compose", "compose": text, "variables": {"TAG": "1"}}
    created = panel.post("/services", body).json()
    refused = panel.put(f"/services/{created['id']}/env", {"secrets": {"TAG": "2"}})
    assert refused.status_code == 422, refused.text
