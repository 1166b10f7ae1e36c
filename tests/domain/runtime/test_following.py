"""Following logs: in order, across restarts and deployments, for permitted callers, until the service is deleted."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import environment, runtime
from domain.adapters import memory
from domain.errors import BadRequest, NotFound, Unavailable
from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.output import OutputLine
from domain.runtime import ServiceLine, following
from tests.flow import CALLER, Flow, fresh

Batches = Generator[tuple[ServiceLine, ...], None, None]
SECRET = "s3cret-value"
PAIR = "services: {one: {image: 'web:1', expose: [8080]}, two: {image: 'web:1', depends_on: [one]}}"


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


@pytest.fixture(autouse=True)
def fast_refresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refresh often, and check that no thread remains."""
    monkeypatch.setattr(following, "_REFRESH_INTERVAL", 0.1)
    yield
    _wait_until(lambda: not _threads(), "all threads have ended")


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("output of")]


def _wait_until(condition: Callable[[], object], what: str, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def _tail(flow: Flow, service_id: str, caller: Caller = CALLER, **parameters: Any) -> Any:
    return closing(runtime.tail_service_logs(flow.ports, caller, service_id, **parameters))


def _read(batches: Batches, count: int, seconds: float = 5) -> list[ServiceLine]:
    """Read exactly `count` lines."""
    lines: list[ServiceLine] = []
    end = time.monotonic() + seconds
    while len(lines) < count:
        assert time.monotonic() < end, lines
        lines += next(batches)
    assert len(lines) == count, lines
    return lines


def _texts(batches: Batches, count: int) -> list[str]:
    return [line.text for line in _read(batches, count)]


def _assert_silent(batches: Batches, seconds: float = 0.6) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert next(batches) == ()


def _name(flow: Flow, service_id: str, role: str = "app") -> str:
    return flow.container(service_id, role).name


def _print_lines(flow: Flow, service_id: str, *texts: str, role: str = "app") -> None:
    flow.runtime.print_lines(_name(flow, service_id, role), *texts)


# ── Existing lines, then new ones ──────────────────────────────────────────────────────────────


def test_the_last_lines_come_first_and_then_each_as_it_is_printed(flow: Flow):
    service_id = flow.running()
    _print_lines(flow, service_id, "one", "two", "three")
    with _tail(flow, service_id, tail=2) as batches:
        assert [line.text for line in next(batches)] == ["two", "three"]
        _print_lines(flow, service_id, "four")
        [line] = _read(batches, 1)
    assert (line.text, line.component, line.stream) == ("four", "app", "stdout")
    assert line.container == _name(flow, service_id)


def test_no_line_is_lost_or_repeated_between_the_last_lines_and_new_ones(flow: Flow):
    service_id = flow.running()
    name, stop = _name(flow, service_id), threading.Event()

    def print_repeatedly() -> None:
        for number in range(3000):
            flow.runtime.print_lines(name, str(number))
            if stop.wait(0.0002):
                break

    printing = threading.Thread(target=print_repeatedly)
    printing.start()
    with _tail(flow, service_id, tail=10_000) as batches:
        lines = [
            int(line.text) for line in _read_until(batches, lambda lines: bool(lines) and lines[-1].text == "2999")
        ]
    stop.set()
    printing.join()
    assert lines == list(range(3000))


def _read_until(batches: Batches, enough: Callable[[list[ServiceLine]], bool]) -> list[ServiceLine]:
    lines: list[ServiceLine] = []
    end = time.monotonic() + 20
    while not enough(lines):
        assert time.monotonic() < end, lines[-5:]
        lines += next(batches)
    return lines


@pytest.mark.parametrize("search", [None, "new"])
def test_following_from_now_returns_no_earlier_lines(flow: Flow, search: str | None):
    service_id = flow.running()
    _print_lines(flow, service_id, "old", "older")
    with closing(runtime.follow_service_logs(flow.ports, CALLER, service_id, search=search)) as batches:
        assert next(batches) == ()
        _print_lines(flow, service_id, "new")
        assert _texts(batches, 1) == ["new"]


def test_following_from_a_time_returns_all_later_lines(flow: Flow):
    service_id = flow.running()
    _print_lines(flow, service_id, *map(str, range(200)))
    since = flow.runtime.output(_name(flow, service_id))[50].at
    with closing(runtime.follow_service_logs(flow.ports, CALLER, service_id, since=since)) as batches:
        assert _texts(batches, 150) == [str(number) for number in range(50, 200)]
        _print_lines(flow, service_id, "next")
        assert _texts(batches, 1) == ["next"]
    event_id = since.isoformat().replace("+00:00", "Z")
    with _tail(flow, service_id, tail=1, since="2999-01-01T00:00:00Z", last_event_id=event_id) as batches:
        assert len(_read(batches, 151)) == 151


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_last_times_of_the_calendar_are_valid(flow: Flow, at: str):
    service_id = flow.running()
    _print_lines(flow, service_id, "one")
    for parameters in ({"since": at}, {"last_event_id": at}):
        with _tail(flow, service_id, **parameters) as batches:
            assert len(next(batches) + next(batches)) == at.startswith("0001")


def test_lines_of_a_container_that_just_started_are_returned_even_if_earlier_than_since(flow: Flow):
    """A container may print before it is discovered, when later lines of another one have been returned already."""
    service_id = flow.running(compose=PAIR)
    _print_lines(flow, service_id, "early", role="two")
    _print_lines(flow, service_id, "received before", "received", role="one")
    since = flow.runtime.output(_name(flow, service_id, "one"))[1].at
    flow.runtime.fakes[_name(flow, service_id, "one")].state = replace(
        flow.container(service_id, "one"), started_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    with closing(runtime.follow_service_logs(flow.ports, CALLER, service_id, since=since)) as batches:
        assert _texts(batches, 2) == ["early", "received"]


def test_lines_before_a_future_since_are_not_returned(flow: Flow):
    service_id = flow.running()
    _print_lines(flow, service_id, "before")
    with _tail(flow, service_id, since="2999-01-01T00:00:00Z") as batches:
        assert next(batches) == ()
        _print_lines(flow, service_id, "still before")
        _assert_silent(batches)


# ── Across restarts and deployments ──────────────────────────────────────────────────────────────


def test_a_new_deployment_is_followed_and_the_old_one_to_its_end(flow: Flow):
    flow.runtime.images["web:2"] = memory.Behaviour(ports=(8080,), lines=("hello from two",))
    service_id = flow.running()
    _print_lines(flow, service_id, "one")
    with _tail(flow, service_id) as batches:
        assert _texts(batches, 1) == ["one"]
        _print_lines(flow, service_id, "last words")
        flow.redeploy(service_id, image="web:2")
        assert _texts(batches, 2) == ["last words", "hello from two"]
        _print_lines(flow, service_id, "and on")
        [line] = _read(batches, 1)
    assert (line.text, line.container) == ("and on", _name(flow, service_id))


def test_a_restarted_container_continues_without_repeats(flow: Flow):
    flow.runtime.images["web:1"] = memory.Behaviour(ports=(8080,), lines=("up",))
    service_id = flow.running()
    name = _name(flow, service_id)
    with _tail(flow, service_id) as batches:
        assert _texts(batches, 1) == ["up"]
        for _ in range(3):
            flow.runtime.kill(name)
            _assert_silent(batches, 0.3)
            flow.runtime.start(name)
            assert _texts(batches, 1) == ["up"]


def test_every_run_of_a_crashing_container_is_read(flow: Flow):
    service_id = flow.running()
    name = _name(flow, service_id)
    fake = flow.runtime.fakes[name]
    with _tail(flow, service_id) as batches:
        assert next(batches) == ()
        fake.behaviour = replace(fake.behaviour, exit_code=1, lines=("up", "down"))
        flow.runtime.crash(name)
        lines = _read_until(batches, lambda lines: len(lines) >= 8)
    assert [line.at for line in lines] == [line.at for line in flow.runtime.output(name)][: len(lines)]


def test_deleting_the_service_ends_the_stream_after_its_last_lines(flow: Flow):
    service_id = flow.running()
    with _tail(flow, service_id) as batches:
        assert next(batches) == ()
        _assert_silent(batches, 0.3)
        _print_lines(flow, service_id, "last words")
        flow.delete(service_id)
        flow.work()
        assert [line.text for lines in batches for line in lines] == ["last words"]


# ── Order ─────────────────────────────────────────────────────────────────────────────────────


def test_existing_lines_are_merged_by_time_and_new_ones_keep_each_containers_order(flow: Flow):
    """A follower does not wait for a silent container, so lines of another one may come first."""
    service_id = flow.running(compose=PAIR)
    for number in range(20):
        _print_lines(flow, service_id, str(number), role=("one", "two")[number % 2])
    with _tail(flow, service_id) as batches:
        assert [line.text for line in next(batches)] == [str(number) for number in range(20)]
        roles = {number: ("one", "two")[number % 3 % 2] for number in range(20, 400)}
        for number, role in roles.items():
            _print_lines(flow, service_id, str(number), role=role)
        received = _read(batches, 380)
    for component in ("one", "two"):
        numbers = [int(line.text) for line in received if line.component == component]
        assert numbers == [number for number, role in roles.items() if role == component]


class ScriptedOutput:
    """Replaces `Runtime.follow`: each container returns the lines that the test passes to `give`."""

    def __init__(self) -> None:
        self.queues: dict[str, queue.Queue[list[OutputLine]]] = {}
        self.taken: dict[str, int] = {}

    def follow(self, name: str, since: datetime | None = None) -> Iterator[list[OutputLine]]:
        del since
        batches = self.queues.setdefault(name, queue.Queue())
        while True:
            lines = batches.get(timeout=10)
            if lines is None:
                return
            yield lines
            self.taken[name] = self.taken.get(name, 0) + 1

    def give(self, name: str, *seconds: int) -> None:
        _wait_until(lambda: name in self.queues, "it is followed")
        start = datetime(2026, 1, 1, tzinfo=UTC)
        self.queues[name].put(
            [OutputLine(start + timedelta(seconds=second), "stdout", str(second)) for second in seconds]
        )

    def end(self) -> None:
        for lines in self.queues.values():
            lines.put(None)  # type: ignore[arg-type]


@pytest.fixture
def scripted(flow: Flow) -> Iterator[ScriptedOutput]:
    script = ScriptedOutput()
    flow.runtime.follow = script.follow  # type: ignore[method-assign, assignment]
    yield script
    script.end()


def test_a_line_waits_until_other_containers_are_past_its_time_or_silent(flow: Flow, scripted: ScriptedOutput):
    service_id = flow.running(compose=PAIR)
    one, two = _name(flow, service_id, "one"), _name(flow, service_id, "two")
    with _tail(flow, service_id, tail=0) as batches:
        assert next(batches) == ()
        assert next(batches) == ()
        scripted.give(one, 1, 5)
        assert next(batches) == ()
        scripted.give(two, 2, 3, 7)
        assert _texts(batches, 4) == ["1", "2", "3", "5"]
        scripted.give(one)
        assert _texts(batches, 1) == ["7"]
        scripted.give(two)
        scripted.give(one, 9)
        assert _texts(batches, 1) == ["9"]
        scripted.end()


def test_a_slow_consumer_slows_the_readers(flow: Flow, scripted: ScriptedOutput):
    service_id = flow.running()
    name = _name(flow, service_id)
    with _tail(flow, service_id, tail=0) as batches:
        assert next(batches) == ()
        assert next(batches) == ()
        for number in range(50):
            scripted.give(name, number)
        time.sleep(0.3)
        assert scripted.taken.get(name, 0) <= 1
        assert _texts(batches, 50) == [str(number) for number in range(50)]
        scripted.end()


# ── Access, selection and secrets ─────────────────────────────────────────────────────────────────────────────────────


def test_a_service_of_another_tenant_is_not_found(flow: Flow, customer_a: Caller, customer_b: Caller):
    service_id = flow.running()
    with flow.ports.store.begin() as work:
        service = work.services.get(service_id)
        assert service
        service.customer_id = customer_a.customer_id
        work.services.save(service)
    with _tail(flow, service_id, customer_a) as batches:
        assert next(batches) == ()
    for stranger, wanted in ((customer_b, service_id), (CALLER, "svc_nowhere")):
        with _tail(flow, wanted, stranger) as batches, pytest.raises(NotFound):
            next(batches)


def test_only_the_selected_containers_are_read(flow: Flow):
    service_id = flow.running(compose=PAIR)
    for wanted in ("two", _name(flow, service_id, "two")):
        with _tail(flow, service_id, tail=0, container=wanted) as batches:
            assert next(batches) == ()
            _print_lines(flow, service_id, "no", role="one")
            _print_lines(flow, service_id, "yes", role="two")
            assert _texts(batches, 1) == ["yes"]
            assert len(_threads()) == 1
        _wait_until(lambda: not _threads(), "its thread ends")


def test_only_lines_that_contain_the_search_text_are_returned(flow: Flow):
    service_id = flow.running()
    _print_lines(flow, service_id, "An ERROR was", "fine", "Error again")
    with _tail(flow, service_id, tail=1, search="error") as batches:
        assert _texts(batches, 1) == ["Error again"]
        _print_lines(flow, service_id, "all well", "no eRRoR")
        assert _texts(batches, 1) == ["no eRRoR"]


def test_secrets_are_masked_and_cannot_be_searched_for(flow: Flow):
    flow.runtime.images["web:1"] = memory.Behaviour(ports=(8080,), lines=(f"token {SECRET}",))
    service_id = flow.running(secrets={"TOKEN": SECRET})
    with _tail(flow, service_id) as batches, _tail(flow, service_id, search=SECRET) as searching:
        assert _texts(batches, 1) == ["token ********"]
        _assert_silent(searching, 0.3)
        _print_lines(flow, service_id, SECRET)
        assert _texts(batches, 1) == ["********"]
        _assert_silent(searching, 0.3)


def test_secrets_of_a_deployment_are_masked_before_it_is_live(flow: Flow):
    flow.runtime.images["leaks:1"] = memory.Behaviour(exit_code=1, lines=(f"token {SECRET}",))
    service_id = flow.running()
    environment.update_environment(flow.ports, CALLER, service_id, {"secrets": {"TOKEN": SECRET}})
    flow.deploy(service_id, image="leaks:1")
    received: list[ServiceLine] = []
    with _tail(flow, service_id) as batches:
        assert next(batches) == ()
        flow.work(flow.during("remove", lambda: received.extend(_read_until(batches, bool))))
    assert {line.text for line in received} == {"token ********"}
    assert flow.newest(service_id).status == "failed"


# ── Errors and the end ──────────────────────────────────────────────────────────────────────────────────────


def test_an_engine_failure_ends_the_stream_and_its_threads(flow: Flow):
    service_id = flow.running()
    with _tail(flow, service_id) as batches:
        assert next(batches) == ()
        _assert_silent(batches, 0.3)
        flow.runtime.away = True
        with pytest.raises(Unavailable):
            _assert_silent(batches, 5)
    _wait_until(lambda: not _threads(), "its threads have ended")


def test_an_unavailable_engine_is_an_error_at_the_first_read(flow: Flow):
    service_id = flow.running()
    flow.runtime.away = True
    with _tail(flow, service_id) as batches, pytest.raises(Unavailable):
        next(batches)


def test_closing_from_another_thread_ends_the_threads(flow: Flow):
    service_id = flow.running(compose=PAIR)
    batches = runtime.tail_service_logs(flow.ports, CALLER, service_id)
    assert next(batches) == next(batches) == ()
    assert len(_threads()) == 2
    closer = threading.Thread(target=batches.close)
    closer.start()
    closer.join(1)
    _wait_until(lambda: not _threads(), "its threads have ended", 1)


def test_a_silent_stream_yields_at_least_twice_a_second(flow: Flow):
    with _tail(flow, flow.running()) as batches:
        for _ in range(5):
            began = time.monotonic()
            assert next(batches) == ()
            assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(
    ("parameters", "parameter"),
    [
        ({"until": "2999-01-01T00:00:00Z"}, "until"),
        ({"since": "2026-02-30T00:00:00Z"}, "since"),
        ({"last_event_id": "0001-01-01T00:00:00+23:00"}, "Last-Event-ID"),
    ],
)
def test_invalid_parameters_are_rejected_by_name(flow: Flow, parameters: dict[str, str], parameter: str):
    with pytest.raises(BadRequest) as refusal:
        runtime.tail_service_logs(flow.ports, CALLER, "svc_1", **parameters)  # type: ignore[arg-type]
    assert parameter in str(refusal.value.details)
