"""The last lines of a service's logs."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain import runtime
from domain.adapters import memory
from domain.errors import BadRequest, NotFound, Unavailable
from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.runtime import EngineRefused
from domain.runtime import ServiceLog
from tests.flow import CALLER, Flow, fresh

SECRET = "s3cret-value"
PAIR = "services: {one: {image: 'web:1', expose: [8080]}, two: {image: 'web:1', depends_on: [one]}}"


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


@pytest.fixture
def pair(flow: Flow) -> str:
    """A service with two containers that have alternately printed ten lines."""
    service_id = flow.running(compose=PAIR)
    for number in range(10):
        name = flow.container(service_id, ("one", "two")[number % 2]).name
        flow.runtime.print_lines(name, f"Line {number}", stream=("stdout", "stderr")[number // 2 % 2])  # type: ignore[arg-type]
    return service_id


def _log(flow: Flow, service_id: str, **parameters: Any) -> ServiceLog:
    return runtime.get_service_logs(flow.ports, CALLER, service_id, **parameters)


def _numbers(log: ServiceLog) -> list[int]:
    return [int(line.text.removeprefix("Line ")) for line in log.lines]


def test_lines_of_all_containers_are_merged_by_time(flow: Flow, pair: str):
    log = _log(flow, pair)
    assert (_numbers(log), log.truncated) == (list(range(10)), False)
    assert [line.component for line in log.lines] == ["one", "two"] * 5
    assert {line.container for line in log.lines} == {container.name for container in flow.containers(pair)}
    assert [line.stream for line in log.lines[:4]] == ["stdout", "stdout", "stderr", "stderr"]


def test_the_last_lines_are_counted_after_merging_and_searching(flow: Flow, pair: str):
    for tail, numbers in ((3, [7, 8, 9]), (9, list(range(1, 10)))):
        log = _log(flow, pair, tail=tail)
        assert (_numbers(log), log.truncated) == (numbers, True)
    assert not _log(flow, pair, tail=10).truncated
    found = _log(flow, pair, search="line 8", tail=1)
    assert (_numbers(found), found.truncated) == ([8], False)
    found = _log(flow, pair, search="LINE", container="two", tail=2)
    assert (_numbers(found), found.truncated) == ([7, 9], True)


def test_times_bound_the_lines_to_the_microsecond(flow: Flow, pair: str):
    at = [_text(line.at) for line in _log(flow, pair).lines]
    assert _numbers(_log(flow, pair, since=at[4])) == list(range(4, 10))
    assert _numbers(_log(flow, pair, until=at[4])) == list(range(4))
    log = _log(flow, pair, since=at[2], until=at[8], tail=3)
    assert (_numbers(log), log.truncated) == ([5, 6, 7], True)
    assert _log(flow, pair, since=at[8], until=at[2]) == ServiceLog((), False)
    elsewhere = datetime.fromisoformat(at[4]).astimezone().isoformat()
    assert _numbers(_log(flow, pair, since=elsewhere)) == list(range(4, 10))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_only_the_selected_containers_are_read(flow: Flow, pair: str):
    for wanted in ("two", flow.container(pair, "two").name):
        assert _numbers(_log(flow, pair, container=wanted)) == [1, 3, 5, 7, 9]
    assert _log(flow, pair, container="three") == ServiceLog((), False)


def test_stopped_containers_are_read(flow: Flow, pair: str):
    flow.stop(pair)
    flow.work()
    assert len(_log(flow, pair).lines) == 10


def test_a_service_without_containers_has_no_lines(flow: Flow):
    assert _log(flow, flow.ask()) == ServiceLog((), False)


def test_secrets_are_masked_and_cannot_be_searched_for(flow: Flow):
    service_id = flow.running(secrets={"TOKEN": SECRET, "KEY": "first line\nsecond line", "PIN": "123"})
    flow.runtime.print_lines(flow.container(service_id).name, f"a {SECRET} b", "second line", "123")
    assert [line.text for line in _log(flow, service_id).lines] == ["a ******** b", "********", "123"]
    for part in (SECRET, "s3cret", "second"):
        assert _log(flow, service_id, search=part).lines == ()
    assert len(_log(flow, service_id, search="***").lines) == 2


@pytest.mark.parametrize("length", [4, 20, 5000])
def test_a_secret_at_the_cut_of_a_long_line_is_masked(flow: Flow, length: int):
    secret = ("s3cret-" * 1200)[:8300]
    service_id = flow.running(secrets={"TOKEN": secret})
    flow.runtime.print_lines(flow.container(service_id).name, f"token: {secret[:length]}…")
    assert _log(flow, service_id).lines[0].text == "token: ********…"


def test_lines_of_a_deployment_that_is_not_live_are_masked(flow: Flow):
    flow.runtime.images["leaks:1"] = memory.Behaviour(exit_code=1, lines=(f"token {SECRET}",))
    service_id, logs = flow.ask("leaks:1", secrets={"TOKEN": SECRET}), list[ServiceLog]()
    flow.work(flow.during("remove", lambda: logs.append(_log(flow, service_id))))
    assert {line.text for line in logs[0].lines} == {"token ********"}


def test_a_service_of_another_tenant_is_not_found(flow: Flow, customer_b: Caller, pair: str):
    with pytest.raises(NotFound):
        runtime.get_service_logs(flow.ports, customer_b, pair)
    with pytest.raises(NotFound):
        _log(flow, "svc_nowhere")


def test_an_engine_that_fails_or_refuses_logs_is_unavailable(flow: Flow, pair: str):
    flow.runtime.away = True
    with pytest.raises(Unavailable, match="away"):
        _log(flow, pair)
    flow.runtime.away = False

    def refuse(*_: Any, **__: Any) -> Any:
        raise EngineRefused("configured logging driver does not support reading")

    flow.runtime.output = refuse  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="does not return the output"):
        _log(flow, pair)


@pytest.mark.parametrize("parameter", ["since", "until"])
@pytest.mark.parametrize("text", ["2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
def test_an_invalid_time_is_rejected(flow: Flow, pair: str, parameter: str, text: str):
    with pytest.raises(BadRequest) as refusal:
        _log(flow, pair, **{parameter: text})
    assert refusal.value.details == f"{parameter}: {text}"


def test_equal_lines_are_not_merged(flow: Flow):
    service_id = flow.running()
    flow.runtime.print_lines(flow.container(service_id).name, "same", "same")
    first, second = _log(flow, service_id).lines
    assert second.at - first.at >= timedelta(microseconds=1)
