"""Watching a panel: nothing is missed and nothing repeated, a person reads plain words, and it ends when it should."""

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
from tests.listening import listening
from tests.panel import Panel, running
from tests.process import free_port, until
from tests.ws.sockets import Sockets
from ws.server import Server

BROKEN = "broken:1"
RED = "\x1b[31m"


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """Its socket server has a port of its own."""
    with running(tmp_path, ws_address=f"127.0.0.1:{free_port()}") as panel:
        panel.ports.runtime.images[BROKEN] = Behaviour(  # type: ignore[attr-defined]
            ports=(8080,), exit_code=1, lines=("no database", "\x1b[2Jgoing down")
        )
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Sockets]:
    """A started socket server, which a test may replace."""
    served = Sockets(panel, Server(panel.ports), [])
    served.server.start()
    yield served
    served.server.stop()


@pytest.fixture
def address(panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where its API answers; its sockets are straight at the socket server."""
    host, port = panel.ports.settings.socket_server  # type: ignore[misc]
    monkeypatch.setattr(watch.Panel, "socket", f"ws://{host}:{port}/api/ws")
    monkeypatch.setattr(streams, "_FIRST_PAUSE", 0.05)
    with listening(panel.app) as url:
        yield url


class Told:
    """What a stream brings, and what it says of itself."""

    def __init__(self, address: str, key: str, service_id: str | None = None, after: int | None = None) -> None:
        self.notices: list[str] = []
        self._messages = Stream(watch.Panel(address, key), self.notices.append, service_id, after).messages()

    def next(self) -> dict[str, Any]:
        return next(self._messages).body

    def until(self, **wanted: Any) -> list[dict[str, Any]]:
        """All events up to one with these fields in its data; what is no event is left out."""
        found: list[dict[str, Any]] = []
        while not found or not wanted.items() <= found[-1]["data"].items():
            message = self.next()
            found += [message] if isinstance(message.get("seq"), int) and message["type"] != "hello" else []
        return found


@pytest.fixture
def told(panel: Panel, address: str) -> Told:
    """The stream of everything; it has begun."""
    told = Told(address, panel.admin)
    assert told.next()["type"] == "hello"
    return told


def stored(panel: Panel, after: int = 0) -> list[dict[str, Any]]:
    return list(panel.get(f"/events?limit=1000&after={after}").json()["data"])


def restart(panel: Panel, sockets: Sockets) -> None:
    """Another socket server where the first one was."""
    sockets.server.stop()
    sockets.server = Server(panel.ports)
    sockets.server.start()


# ── The stream ─────────────────────────────────────────────────────────────────────────────────


def test_everything_that_happens_is_told_in_its_order(panel: Panel, told: Told):
    panel.service()
    panel.service("shop")
    came = [told.next() for _ in stored(panel)]
    assert came == stored(panel)


def test_a_restart_of_the_socket_server_neither_loses_nor_repeats_an_event(panel: Panel, sockets: Sockets, told: Told):
    first = panel.service("one")
    came = told.until(service_id=first["id"], kind="deploy", status="succeeded")
    sockets.server.stop()
    panel.service("two")
    restart(panel, sockets)
    third = panel.service("three")
    came += told.until(kind="deploy", status="succeeded", service_id=third["id"])
    assert came == stored(panel)[: len(came)]
    assert len({message["seq"] for message in came}) == len(came)


def test_a_lost_connection_is_told_once_and_so_is_its_return(panel: Panel, sockets: Sockets, told: Told):
    sockets.server.stop()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(told.next)
        with pytest.raises(TimeoutError):
            coming.result(0.5)  # several tries
        restart(panel, sockets)
        assert coming.result(10)["type"] == "hello"
    assert told.notices == ["The connection to the panel is lost. Trying again until it works", "Connected again"]


def test_one_services_stream_has_nothing_of_others(panel: Panel, address: str):
    mine = panel.service("mine")
    told = Told(address, panel.admin, mine["id"])
    told.next()
    panel.service("other")
    panel.post(f"/services/{mine['id']}/restart")
    panel.work()
    came = told.until(kind="restart", status="succeeded")
    assert {message["data"]["service_id"] for message in came} == {mine["id"]}


def test_one_services_stream_has_the_lines_of_its_containers(panel: Panel, address: str):
    panel.ports.runtime.images["talks:1"] = Behaviour(ports=(8080,), lines=("hello from inside",))  # type: ignore[attr-defined]
    mine = panel.service("mine", image="talks:1")
    told = Told(address, panel.admin, mine["id"])
    while (message := told.next())["type"] != "subscribed" or len(message["topics"]) < 2:
        pass
    panel.post(f"/services/{mine['id']}/restart")
    panel.work()
    while (message := told.next())["type"] != "service.logs":
        pass
    assert [line["text"] for line in message["data"]["lines"]] == ["hello from inside"]


def test_one_services_stream_goes_on_after_a_restart_without_repeating(panel: Panel, sockets: Sockets, address: str):
    mine = panel.service("mine")
    told = Told(address, panel.admin, mine["id"])
    since = told.next()["seq"]
    sockets.server.stop()
    panel.post(f"/services/{mine['id']}/restart")
    panel.service("other")
    restart(panel, sockets)
    came = told.until(kind="restart", status="succeeded")
    assert came == [one for one in stored(panel, since) if one["data"]["service_id"] == mine["id"]][: len(came)]


def revoke(panel: Panel, name: str) -> None:
    keys = panel.get("/v1/api-keys").json()["data"]
    (key_id,) = [one["id"] for one in keys if one["name"] == name]
    assert panel.request("DELETE", f"/v1/api-keys/{key_id}").status_code < 300


def test_a_key_that_ends_ends_the_stream(panel: Panel, address: str):
    told = Told(address, panel.key("viewer"))
    told.next()
    revoke(panel, "viewer key")
    with pytest.raises(Unauthenticated, match="PANEL_API_KEY has ended, or may do less than before"):
        told.next()


def test_a_key_that_ended_while_the_connection_was_lost_ends_the_stream(panel: Panel, sockets: Sockets, address: str):
    told = Told(address, panel.key("viewer"))
    told.next()
    sockets.server.stop()
    revoke(panel, "viewer key")
    restart(panel, sockets)
    with pytest.raises(Unauthenticated, match="does not know the key in PANEL_API_KEY"):
        told.next()


def test_events_that_are_not_kept_any_more_are_owned_up_to(panel: Panel, sockets: Sockets, address: str):
    panel.service()
    told = Told(address, panel.admin, after=1)
    with panel.ports.store.begin() as work:
        work.events.remove_before(panel.ports.clock.now())
    assert told.next()["type"] == "hello"
    oldest = panel.get("/events").json()["latest"]
    assert told.notices == [f"Events after 1 are gone: The oldest that is kept is {oldest}. Going on from now"]


# ── The end ────────────────────────────────────────────────────────────────────────────────────


def watched(panel: Panel, address: str, service: str | None = None, *, until_done: bool = True, **how: bool) -> bool:
    """How the watching ends, with the work going on meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(panel.work)
        well = watch.show(watch.Panel(address, panel.admin), service, until_done=until_done, **how)
        working.result()
    return well


def create(panel: Panel, name: str, image: str = "ai-admin-panel/hello:1") -> dict[str, Any]:
    """Ask for a service; its deployment waits for a worker."""
    body = {"name": name, "deploy_method": "image", "image": image, "port": 8080}
    return dict(panel.post("/services", body).json())


def lines(printed: str) -> list[str]:
    """Without times, which every line begins with."""
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in printed.splitlines()), printed
    return [re.sub(r" {2,}", "  ", line[10:]) for line in printed.splitlines()]


def test_a_deployment_is_told_step_by_step_until_it_has_succeeded(
    panel: Panel, address: str, capsys: pytest.CaptureFixture[str]
):
    create(panel, "shop")
    assert watched(panel, address, "shop")
    url = panel.get("/services?search=shop").json()["data"][0]["url"]
    assert lines(capsys.readouterr().out) == [
        "shop  a deployment waits for its turn",
        "shop  pulling images",
        "shop  creating containers",
        "shop  starting containers",
        "shop  waiting until everything is healthy",
        "shop  moving visitors to the new version",
        f"shop  running at {url}",
        "shop  cleaning up",
        "shop  deployed",
    ]


def test_a_deployment_that_fails_ends_badly_and_says_why(
    panel: Panel, address: str, capsys: pytest.CaptureFixture[str]
):
    service = create(panel, "shop", BROKEN)
    assert not watched(panel, address, service["id"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    told = lines(printed)
    (index,) = [number for number, line in enumerate(told) if "the deployment failed: " in line]
    assert told[index + 1 : index + 3] == ["shop  no database", "shop  \N{REPLACEMENT CHARACTER}[2Jgoing down"]


def test_a_deployment_that_is_cancelled_ends_badly(panel: Panel, address: str):
    service = create(panel, "shop")
    assert panel.post(f"/deployments/{service['deployment_id']}/cancel").status_code == 202
    assert not watched(panel, address, "shop")


def test_a_deployment_that_ended_before_anybody_watched_is_told_all_the_same(
    panel: Panel, address: str, capsys: pytest.CaptureFixture[str]
):
    panel.service("shop")
    assert watched(panel, address, "shop")
    told = lines(capsys.readouterr().out)
    assert (told[0], told[-1]) == ("shop  a deployment waits for its turn", "shop  deployed")


def test_only_the_newest_deployment_counts(panel: Panel, address: str):
    service = create(panel, "shop", BROKEN)
    panel.work()
    panel.post(f"/services/{service['id']}/deploy", {"image": "ai-admin-panel/hello:1"})
    assert watched(panel, address, "shop")


def test_a_deployment_whose_events_are_not_kept_is_not_waited_for(panel: Panel, address: str):
    panel.service("shop")
    with panel.ports.store.begin() as work:
        work.events.remove_before(panel.ports.clock.now())
    with pytest.raises(NotFound, match=r"The events of dep_.* are not kept any more"):
        watched(panel, address, "shop")


def test_watching_a_service_ends_when_it_is_deleted(
    panel: Panel, sockets: Sockets, address: str, capsys: pytest.CaptureFixture[str]
):
    service = panel.service("shop")
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch.show, watch.Panel(address, panel.admin), "shop")
        until(lambda: sockets.server._sessions, 10, "it is connected")
        panel.delete(f"/services/{service['id']}")
        assert watching.result(10)
    assert lines(capsys.readouterr().out)[-1] == "shop  deleted"


# ── What does not work ─────────────────────────────────────────────────────────────────────────


def test_a_wrong_key_is_refused_at_the_start(address: str):
    with pytest.raises(Unauthenticated, match="does not know the key in PANEL_API_KEY"):
        watch.show(watch.Panel(address, "aap_wrong"))


def test_a_key_without_the_right_to_read_events_is_told_which_right_that_is(panel: Panel, address: str):
    key = panel.key("viewer", denied_permissions=("events.read",))
    with pytest.raises(Forbidden, match=r"events\.read"):
        watch.show(watch.Panel(address, key))


def test_a_panel_that_is_not_there_at_the_start_is_not_waited_for():
    with pytest.raises(Unavailable, match="No panel answers at http://localhost:1: Connection refused"):
        watch.show(watch.Panel("http://localhost:1", "aap_x"))


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://panel", "http://"])
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(BadSetting, match="is no address of a panel"):
        watch.Panel(url, "aap_x")


def test_something_else_at_the_address_is_no_panel():
    with (
        listening(Starlette()) as address,
        pytest.raises(Unavailable, match="is no panel, or one that is away: it says 404"),
    ):
        watch.show(watch.Panel(address, "aap_x"), "shop")


def test_a_name_that_nothing_has_is_refused(panel: Panel, address: str):
    panel.service("web-shop")
    with pytest.raises(NotFound, match="This key sees no service called shop"):
        watched(panel, address, "shop")


def test_a_name_that_two_customers_use_needs_an_id(panel: Panel, address: str):
    ids = [panel.service("shop", key=panel.key("customer", customer))["id"] for customer in ("cust_a", "cust_b")]
    with pytest.raises(NotFound) as refused:
        watched(panel, address, "shop")
    assert all(one in refused.value.message for one in ids)
    assert watched(panel, address, ids[0])


# ── For programs ───────────────────────────────────────────────────────────────────────────────


def test_as_json_every_message_is_printed_as_it_came(panel: Panel, address: str, capsys: pytest.CaptureFixture[str]):
    create(panel, "shop")
    assert watched(panel, address, "shop", as_json=True)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [one for one in printed if one["type"] not in ("hello", "subscribed")]
    begun = next(one["seq"] for one in stored(panel) if one["type"] == "deploy.progress")
    assert events == stored(panel, begun - 1)[: len(events)]
    assert printed[0]["type"] == "hello"


# ── The screen ─────────────────────────────────────────────────────────────────────────────────


class Answers(watch.Panel):
    """What the API would say."""

    def __init__(self) -> None:
        super().__init__("http://panel.example", "aap_x")

    def name(self, service_id: str) -> str:
        return "shop"

    def pulled(self, deployment_id: str, after: int) -> tuple[str, int]:
        return "3 of 5 layers, 12 of 40 MB", after + 1


def event(of: str, **data: Any) -> Message:
    filled = {"service_id": "svc_a", "deployment_id": "dep_a", "operation_id": "op_a", "url": None, **data}
    body = {"seq": 1, "type": of, "at": "2026-03-29T10:00:00Z", "resource": f"{of}:a", "data": filled}
    return Message(json.dumps(body))


def pulling(progress: int) -> Message:
    return event("operation.progress", kind="deploy", status="running", step="pulling", progress=progress)


def screen(**how: Any) -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(Answers(), Console(file=out, width=120, highlight=False, **how)), out


def test_at_a_terminal_a_bar_shows_how_far_a_pull_is_and_goes_when_it_is_done():
    shown, out = screen(force_terminal=True, color_system="standard")
    for message in (pulling(5), event("deploy.progress", status="pulling", failure=None), pulling(29)):
        shown.show(message)
    shown._pulls._progress.refresh()  # type: ignore[union-attr]  # it draws itself ten times a second
    assert re.search("shop .*━.* 60 % 3 of 5 layers, 12 of 40 MB", out.getvalue())
    shown.show(event("operation.progress", kind="deploy", status="running", step="creating", progress=45))
    assert shown._pulls._progress is None
    shown.close()


def test_elsewhere_a_pull_is_told_in_lines_but_not_each_second():
    shown, out = screen()
    for progress in (5, 13, 21, 29):
        shown.show(pulling(progress))
    assert lines(out.getvalue()) == ["shop  3 of 5 layers, 12 of 40 MB"]


def test_colours_are_for_terminals():
    for at_terminal in (True, False):
        shown, out = screen(force_terminal=at_terminal, color_system="standard" if at_terminal else None)
        shown.show(event("deploy.progress", status="failed", failure="image_missing"))
        assert (RED in out.getvalue()) is at_terminal


def test_a_state_is_told_when_it_changes_and_not_again():
    shown, out = screen()
    for status in ("running", "running", "deploying", "stopped", "running"):
        shown.show(event("service.status", status=status))
    assert lines(out.getvalue()) == ["shop  running", "shop  stopped", "shop  running"]


def test_a_line_of_a_log_comes_after_the_name_of_its_component_and_is_not_obeyed():
    shown, out = screen()
    line = {"at": "2026-03-29T10:00:00Z", "container": "c", "component": "web", "stream": "stdout"}
    shown.show(event("service.logs", lines=[{**line, "text": "[bold]GET /\x1b[2J\t200 " + "x" * 300}]))
    assert lines(out.getvalue()) == ["shop  web | [bold]GET /\N{REPLACEMENT CHARACTER}[2J 200 " + "x" * 300]


def test_a_topic_that_cannot_be_followed_is_told_beside_the_events(capsys: pytest.CaptureFixture[str]):
    shown, out = screen()
    error = {"code": "not_found", "message": "Not all of these can be followed", "details": "logs:svc_a: no right"}
    shown.show(Message(json.dumps({"type": "error", "error": error})))
    assert not out.getvalue()
    assert capsys.readouterr().err == "Not all of these can be followed: logs:svc_a: no right.\n"
