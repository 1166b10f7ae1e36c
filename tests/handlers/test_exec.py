"""Commands in containers of services over HTTP."""

import asyncio
import threading
from typing import Any

import pytest

from domain.adapters import memory
from domain.errors import TooMany
from handlers.edge.running_commands import RunningCommands
from tests.calls import error
from tests.conformance import CANARY
from tests.flow import CALLER
from tests.panel import Panel

TWO = "services: {web: {image: 'ai-admin-panel/hello:1', expose: [8080]}, db: {image: 'ai-admin-panel/hello:1'}}"


def _exec(panel: Panel, service: dict[str, Any], *argv: str, **fields: Any) -> Any:
    return panel.post(f"/services/{service['id']}/exec", {"argv": list(argv), **fields})


def _audit(panel: Panel, service: dict[str, Any], action: str) -> dict[str, str]:
    events = panel.get(f"/audit-events?resource_id={service['id']}&action={action}").json()["data"]
    return {change["field"]: change["after"] for change in events[0]["changes"]}


def test_a_command_returns_its_exit_code_and_output(panel: Panel) -> None:
    result = _exec(panel, panel.service(), "echo", "Hello", "you").json()
    assert (result["exit_code"], result["stdout"], result["stderr"]) == (0, "Hello you\n", "")
    assert (result["timed_out"], result["truncated"]) == (False, False)


def test_the_time_limit_ends_a_command(panel: Panel) -> None:
    result = _exec(panel, panel.service(), "sleep", "300", timeout_seconds=1).json()
    assert (result["exit_code"], result["timed_out"]) == (None, True)


def test_start_and_end_of_a_command_are_in_the_audit_record(panel: Panel) -> None:
    service = panel.service()
    container = _exec(panel, service, "echo", "$HOME; id").json()["container"]
    started = _audit(panel, service, "exec_in_service")
    assert started == {"container": container, "argv": '["echo", "$HOME; id"]'}
    assert _audit(panel, service, "exec_in_service.end") == {"container": container, "exit_code": "0"}


def test_secrets_are_masked_in_the_output_and_in_the_audit_record(panel: Panel) -> None:
    service = panel.service(secrets={"TOKEN": CANARY})
    assert _exec(panel, service, "echo", f"is {CANARY}!").json()["stdout"] == "is ********!\n"
    assert _audit(panel, service, "exec_in_service")["argv"] == '["echo", "is ********!"]'


def test_a_container_is_chosen_by_component_or_name(panel: Panel) -> None:
    service = panel.post("/services", {"name": "shop", "deploy_method": "compose", "compose": TWO}).json()
    panel.work()
    refused = _exec(panel, service, "true")
    assert (refused.status_code, error(refused)["code"]) == (409, "wrong_state")
    assert "db, web" in error(refused)["details"]
    container = _exec(panel, service, "true", container="db").json()["container"]
    assert _exec(panel, service, "true", container=container).json()["container"] == container
    assert _exec(panel, service, "true", container="other").status_code == 404


def test_a_service_without_a_running_container_runs_no_command(panel: Panel) -> None:
    service = panel.service()
    panel.post(f"/services/{service['id']}/stop")
    panel.work()
    refused = _exec(panel, service, "true")
    assert (refused.status_code, error(refused)["code"]) == (409, "wrong_state")


def test_a_container_of_another_service_is_not_reached(panel: Panel) -> None:
    mine, other = panel.service("mine"), panel.service("other")
    container = _exec(panel, other, "true").json()["container"]
    assert _exec(panel, mine, "true", container=container).status_code == 404


@pytest.mark.parametrize("body", [{"argv": []}, {"argv": [""]}, {"argv": "id"}, {"argv": ["a\0b"]}, {"command": "id"}])
def test_a_body_without_a_program_is_refused(panel: Panel, body: dict[str, Any]) -> None:
    assert panel.post(f"/services/{panel.service()['id']}/exec", body).status_code in (400, 422)


def test_without_the_engine_no_command_runs(panel: Panel) -> None:
    service = panel.service()
    assert isinstance(panel.ports.runtime, memory.Runtime)
    panel.ports.runtime.away = True
    refused = _exec(panel, service, "true")
    assert (refused.status_code, error(refused)["code"]) == (503, "engine_unavailable")


def test_a_key_runs_four_commands_at_once_even_if_its_clients_disconnect() -> None:
    released, commands = threading.Event(), RunningCommands()

    async def run() -> None:
        running = [asyncio.create_task(commands.run(CALLER, released.wait)) for _ in range(4)]
        await asyncio.sleep(0.1)
        running[0].cancel()
        await asyncio.sleep(0)
        with pytest.raises(TooMany):
            await commands.run(CALLER, released.wait)
        released.set()
        assert await asyncio.gather(*running[1:]) == [True] * 3
        await asyncio.sleep(0.1)
        assert await commands.run(CALLER, released.wait)

    asyncio.run(run())
