"""`watch`: events are neither lost nor repeated, the output is readable, and it exits with the right result."""

import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from starlette.applications import Starlette

from domain.adapters.memory import Behaviour
from domain.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from domain.settings import BadSetting
from handlers.program import watch
from handlers.program.watch import stream as streams
from handlers.program.watch.messages import Message
from handlers.program.watch.screen import Screen
from handlers.program.watch.stream import Stream
from tests.http_server import serve_http
from tests.panel import Panel, start_panel
from tests.process import free_port, until
from tests.ws.sockets import Sockets
from ws.server import Server

BROKEN = "broken:1"
RED = "\x1b[31m"


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """A panel whose WebSocket server has its own port."""
    with start_panel(tmp_path, ws_address=f"127.0.0.1:{free_port()}") as panel:
        panel.ports.runtime.images[BROKEN] = Behaviour(  # type: ignore[attr-defined]
            ports=(8080,), exit_code=1, lines=("no database", "\x1b[2Jgoing down")
        )
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Sockets]:
    """A running WebSocket server, which a test may replace."""
    sockets = Sockets(panel, Server(panel.ports))
    sockets.server.start()
    yield sockets
    sockets.server.stop()


@pytest.fixture
def address(panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API's URL. WebSocket connections go directly to the WebSocket server."""
    host, port = panel.ports.settings.socket_server  # type: ignore[misc]
    monkeypatch.setattr(watch.PanelClient, "socket_url", f"ws://{host}:{port}/api/ws")
    monkeypatch.setattr(streams, "_FIRST_PAUSE", 0.05)
    with serve_http(panel.app, panel.ports) as url:
        yield url


class Recorder:
    """The messages of a stream, and its notices."""

    def __init__(self, address: str, key: str, service_id: str | None = None, after: int | None = None) -> None:
        self.notices: list[str] = []
        self._messages = Stream(watch.PanelClient(address, key), self.notices.append, service_id, after).messages()

    def next(self) -> dict[str, Any]:
        return next(self._messages).body

    def until(self, **fields: Any) -> list[dict[str, Any]]:
        """Return all events up to the first whose data contains these fields."""
        events: list[dict[str, Any]] = []
        while not events or not fields.items() <= events[-1]["data"].items():
            message = self.next()
            events += [message] if isinstance(message.get("seq"), int) and message["type"] != "hello" else []
        return events


@pytest.fixture
def recorder(panel: Panel, address: str) -> Recorder:
    """The stream of all events, connected."""
    recorder = Recorder(address, panel.admin)
    assert recorder.next()["type"] == "hello"
    return recorder


def stored(panel: Panel, after: int = 0) -> list[dict[str, Any]]:
    return list(panel.get(f"/events?limit=1000&after={after}").json()["data"])


def restart(panel: Panel, sockets: Sockets) -> None:
    """Replace the WebSocket server with a new one at the same address."""
    sockets.server.stop()
    sockets.server = Server(panel.ports)
    sockets.server.start()


# ── The stream ─────────────────────────────────────────────────────────────────────────────────


def test_all_events_arrive_in_order(panel: Panel, recorder: Recorder):
    panel.service()
    panel.service("shop")
    events = [recorder.next() for _ in stored(panel)]
    assert events == stored(panel)


def test_a_restart_of_the_websocket_server_neither_loses_nor_repeats_events(
    panel: Panel, sockets: Sockets, recorder: Recorder
):
    first = panel.service("one")
    events = recorder.until(service_id=first["id"], kind="deploy", status="succeeded")
    sockets.server.stop()
    panel.service("two")
    restart(panel, sockets)
    third = panel.service("three")
    events += recorder.until(kind="deploy", status="succeeded", service_id=third["id"])
    assert events == stored(panel)[: len(events)]
    assert len({message["seq"] for message in events}) == len(events)


def test_a_lost_connection_and_its_reconnect_are_reported_once(panel: Panel, sockets: Sockets, recorder: Recorder):
    sockets.server.stop()
    with ThreadPoolExecutor(1) as pool:
        message = pool.submit(recorder.next)
        with pytest.raises(TimeoutError):
            message.result(0.5)  # several tries
        restart(panel, sockets)
        assert message.result(10)["type"] == "hello"
    assert recorder.notices == ["The connection to the panel is lost. Reconnecting until it succeeds", "Reconnected"]


def test_the_stream_of_a_service_has_no_events_of_others(panel: Panel, address: str):
    mine = panel.service("mine")
    recorder = Recorder(address, panel.admin, mine["id"])
    recorder.next()
    panel.service("other")
    panel.post(f"/services/{mine['id']}/restart")
    panel.work()
    events = recorder.until(kind="restart", status="succeeded")
    assert {message["data"]["service_id"] for message in events} == {mine["id"]}


def test_the_stream_of_a_service_includes_its_log_lines(panel: Panel, address: str):
    panel.ports.runtime.images["talks:1"] = Behaviour(ports=(8080,), lines=("hello from inside",))  # type: ignore[attr-defined]
    mine = panel.service("mine", image="talks:1")
    recorder = Recorder(address, panel.admin, mine["id"])
    while (message := recorder.next())["type"] != "subscribed" or len(message["topics"]) < 2:
        pass
    panel.post(f"/services/{mine['id']}/restart")
    panel.work()
    while (message := recorder.next())["type"] != "service.logs":
        pass
    assert [line["text"] for line in message["data"]["lines"]] == ["hello from inside"]


def test_the_stream_of_a_service_resumes_after_a_restart_without_repeats(panel: Panel, sockets: Sockets, address: str):
    mine = panel.service("mine")
    recorder = Recorder(address, panel.admin, mine["id"])
    since = recorder.next()["seq"]
    sockets.server.stop()
    panel.post(f"/services/{mine['id']}/restart")
    panel.service("other")
    restart(panel, sockets)
    events = recorder.until(kind="restart", status="succeeded")
    assert (
        events == [event for event in stored(panel, since) if event["data"]["service_id"] == mine["id"]][: len(events)]
    )


def revoke(panel: Panel, name: str) -> None:
    keys = panel.get("/v1/api-keys").json()["data"]
    (key_id,) = [key["id"] for key in keys if key["name"] == name]
    assert panel.request("DELETE", f"/v1/api-keys/{key_id}").status_code < 300


def test_revoking_the_key_ends_the_stream(panel: Panel, address: str):
    recorder = Recorder(address, panel.key("viewer"))
    recorder.next()
    revoke(panel, "viewer key")
    with pytest.raises(Unauthenticated, match="PANEL_API_KEY was revoked, expired, or lost permissions"):
        recorder.next()


def test_a_key_that_was_revoked_during_an_outage_ends_the_stream(panel: Panel, sockets: Sockets, address: str):
    recorder = Recorder(address, panel.key("viewer"))
    recorder.next()
    sockets.server.stop()
    revoke(panel, "viewer key")
    restart(panel, sockets)
    with pytest.raises(Unauthenticated, match="rejects the key in PANEL_API_KEY"):
        recorder.next()


def test_removed_events_are_reported(panel: Panel, sockets: Sockets, address: str):
    panel.service()
    recorder = Recorder(address, panel.admin, after=1)
    with panel.ports.store.begin() as work:
        work.events.remove_before(panel.ports.clock.now())
    assert recorder.next()["type"] == "hello"
    oldest = panel.get("/events").json()["latest"]
    assert recorder.notices == [
        f"Events after 1 are gone: The oldest that is kept is {oldest}. Continuing with new events"
    ]


# ── The result ────────────────────────────────────────────────────────────────────────────────────


def watch_panel(
    panel: Panel, address: str, service: str | None = None, *, until_done: bool = True, **options: bool
) -> bool:
    """Watch while a worker runs the queue, and return the result."""
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(panel.work)
        succeeded = watch.show_events(
            watch.PanelClient(address, panel.admin), service, until_done=until_done, **options
        )
        work.result()
    return succeeded


def create(panel: Panel, name: str, image: str = "ai-admin-panel/hello:1") -> dict[str, Any]:
    """Create a service; its deployment is queued."""
    body = {"name": name, "deploy_method": "image", "image": image, "port": 8080}
    return dict(panel.post("/services", body).json())


def lines(output: str) -> list[str]:
    """Return the lines without their times."""
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in output.splitlines()), output
    return [re.sub(r" {2,}", "  ", line[10:]) for line in output.splitlines()]


def test_every_step_of_a_deployment_is_printed_until_it_succeeds(
    panel: Panel, address: str, capsys: pytest.CaptureFixture[str]
):
    create(panel, "shop")
    assert watch_panel(panel, address, "shop")
    url = panel.get("/services?search=shop").json()["data"][0]["url"]
    assert lines(capsys.readouterr().out) == [
        "shop  the deployment is queued",
        "shop  pulling images",
        "shop  creating containers",
        "shop  starting containers",
        "shop  waiting until all containers are healthy",
        "shop  routing requests to the new version",
        f"shop  running at {url}",
        "shop  cleaning up",
        "shop  deployed",
    ]


def test_a_failed_deployment_returns_false_and_prints_the_reason(
    panel: Panel, address: str, capsys: pytest.CaptureFixture[str]
):
    service = create(panel, "shop", BROKEN)
    assert not watch_panel(panel, address, service["id"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    texts = lines(printed)
    (index,) = [number for number, line in enumerate(texts) if "the deployment failed: " in line]
    assert texts[index + 1 : index + 3] == ["shop  no database", "shop  \N{REPLACEMENT CHARACTER}[2Jgoing down"]


def test_a_cancelled_deployment_returns_false(panel: Panel, address: str):
    service = create(panel, "shop")
    assert panel.post(f"/deployments/{service['deployment_id']}/cancel").status_code == 202
    assert not watch_panel(panel, address, "shop")


def test_a_deployment_that_has_already_finished_is_printed_too(
    panel: Panel, address: str, capsys: pytest.CaptureFixture[str]
):
    panel.service("shop")
    assert watch_panel(panel, address, "shop")
    texts = lines(capsys.readouterr().out)
    assert (texts[0], texts[-1]) == ("shop  the deployment is queued", "shop  deployed")


def test_only_the_newest_deployment_counts(panel: Panel, address: str):
    service = create(panel, "shop", BROKEN)
    panel.work()
    panel.post(f"/services/{service['id']}/deploy", {"image": "ai-admin-panel/hello:1"})
    assert watch_panel(panel, address, "shop")


def test_a_deployment_whose_events_were_removed_is_an_error(panel: Panel, address: str):
    panel.service("shop")
    with panel.ports.store.begin() as work:
        work.events.remove_before(panel.ports.clock.now())
    with pytest.raises(NotFound, match=r"The events of dep_.* are no longer stored"):
        watch_panel(panel, address, "shop")


def test_watching_a_service_ends_when_it_is_deleted(
    panel: Panel, sockets: Sockets, address: str, capsys: pytest.CaptureFixture[str]
):
    service = panel.service("shop")
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(watch.show_events, watch.PanelClient(address, panel.admin), "shop")
        until(lambda: sockets.server._sessions, 10, "it is connected")
        panel.delete(f"/services/{service['id']}")
        assert result.result(10)
    assert lines(capsys.readouterr().out)[-1] == "shop  deleted"


# ── Errors ─────────────────────────────────────────────────────────────────────────


def test_a_wrong_key_is_rejected_at_the_start(address: str):
    with pytest.raises(Unauthenticated, match="rejects the key in PANEL_API_KEY"):
        watch.show_events(watch.PanelClient(address, "aap_wrong"))


def test_a_key_without_permission_for_events_gets_an_error_that_names_it(panel: Panel, address: str):
    key = panel.key("viewer", denied_permissions=("events.read",))
    with pytest.raises(Forbidden, match=r"events\.read"):
        watch.show_events(watch.PanelClient(address, key))


def test_a_panel_that_does_not_answer_at_the_start_is_an_error():
    with pytest.raises(Unavailable, match="No panel answers at http://localhost:1: Connection refused"):
        watch.show_events(watch.PanelClient("http://localhost:1", "aap_x"))


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://panel", "http://"])
def test_an_invalid_url_is_rejected(url: str):
    with pytest.raises(BadSetting, match="is not the URL of a panel"):
        watch.PanelClient(url, "aap_x")


def test_a_server_that_is_not_a_panel_is_an_error(panel: Panel):
    with (
        serve_http(Starlette(), panel.ports) as address,
        pytest.raises(Unavailable, match="is not a panel, or the panel is down: status 404"),
    ):
        watch.show_events(watch.PanelClient(address, "aap_x"), "shop")


def test_an_unknown_name_is_rejected(panel: Panel, address: str):
    panel.service("web-shop")
    with pytest.raises(NotFound, match="No service named shop is visible to this key"):
        watch_panel(panel, address, "shop")


def test_an_ambiguous_name_requires_an_id(panel: Panel, address: str):
    ids = [panel.service("shop", key=panel.key("customer", customer))["id"] for customer in ("cust_a", "cust_b")]
    with pytest.raises(NotFound) as refused:
        watch_panel(panel, address, "shop")
    assert all(service_id in refused.value.message for service_id in ids)
    assert watch_panel(panel, address, ids[0])


# ── JSON output ───────────────────────────────────────────────────────────────────────────────


def test_json_output_prints_every_message_as_received(panel: Panel, address: str, capsys: pytest.CaptureFixture[str]):
    create(panel, "shop")
    assert watch_panel(panel, address, "shop", as_json=True)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [message for message in printed if message["type"] not in ("hello", "subscribed")]
    first = next(event["seq"] for event in stored(panel) if event["type"] == "deploy.progress")
    assert events == stored(panel, first - 1)[: len(events)]
    assert printed[0]["type"] == "hello"


# ── The screen ─────────────────────────────────────────────────────────────────────────────────


class FakeClient(watch.PanelClient):
    """A client with fixed responses."""

    def __init__(self) -> None:
        super().__init__("http://panel.example", "aap_x")

    def name(self, service_id: str) -> str:
        return "shop"

    def pull_status(self, deployment_id: str, after: int) -> tuple[str, int]:
        return "3 of 5 layers, 12 of 40 MB", after + 1


def event(event_type: str, **data: Any) -> Message:
    payload = {"service_id": "svc_a", "deployment_id": "dep_a", "operation_id": "op_a", "url": None, **data}
    body = {"seq": 1, "type": event_type, "at": "2026-03-29T10:00:00Z", "resource": f"{event_type}:a", "data": payload}
    return Message(json.dumps(body))


def pulling(progress: int) -> Message:
    return event("operation.progress", kind="deploy", status="running", step="pulling", progress=progress)


def create_screen(**options: Any) -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(FakeClient(), Console(file=out, width=120, highlight=False, **options)), out


def test_a_terminal_shows_a_bar_during_a_pull_and_removes_it_afterwards():
    screen, out = create_screen(force_terminal=True, color_system="standard")
    for message in (pulling(5), event("deploy.progress", status="pulling", failure_code=None), pulling(29)):
        screen.show(message)
    screen._pull_progress._progress.refresh()  # type: ignore[union-attr]  # it draws itself ten times a second
    assert re.search("shop .*━.* 60 % 3 of 5 layers, 12 of 40 MB", out.getvalue())
    screen.show(event("operation.progress", kind="deploy", status="running", step="creating", progress=45))
    assert screen._pull_progress._progress is None
    screen.close()


def test_other_outputs_show_a_pull_in_lines_at_a_lower_rate():
    screen, out = create_screen()
    for progress in (5, 13, 21, 29):
        screen.show(pulling(progress))
    assert lines(out.getvalue()) == ["shop  3 of 5 layers, 12 of 40 MB"]


def test_only_terminals_get_colours():
    for at_terminal in (True, False):
        screen, out = create_screen(force_terminal=at_terminal, color_system="standard" if at_terminal else None)
        screen.show(event("deploy.progress", status="failed", failure_code="image_missing"))
        assert (RED in out.getvalue()) is at_terminal


def test_a_status_is_printed_only_when_it_changes():
    screen, out = create_screen()
    for status in ("running", "running", "deploying", "stopped", "running"):
        screen.show(event("service.status", status=status))
    assert lines(out.getvalue()) == ["shop  running", "shop  stopped", "shop  running"]


def test_a_log_line_is_printed_with_its_component_and_without_control_characters():
    screen, out = create_screen()
    line = {"at": "2026-03-29T10:00:00Z", "container": "c", "component": "web", "stream": "stdout"}
    screen.show(event("service.logs", lines=[{**line, "text": "[bold]GET /\x1b[2J\t200 " + "x" * 300}]))
    assert lines(out.getvalue()) == ["shop  web | [bold]GET /\N{REPLACEMENT CHARACTER}[2J 200 " + "x" * 300]


def test_a_rejected_topic_is_reported_on_standard_error(capsys: pytest.CaptureFixture[str]):
    screen, out = create_screen()
    error = {"code": "not_found", "message": "Not all of these can be followed", "details": "logs:svc_a: no right"}
    screen.show(Message(json.dumps({"type": "error", "error": error})))
    assert not out.getvalue()
    assert capsys.readouterr().err == "Not all of these can be followed: logs:svc_a: no right.\n"
