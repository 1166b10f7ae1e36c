"""Output of containers: by time, by number, and followed, on both runtimes."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from domain.ports.output import OutputLine
from tests.runtime_setup import RuntimeSetup

Batches = Generator[list[OutputLine], None, None]
MICROSECOND = timedelta(microseconds=1)


def _texts(lines: list[OutputLine]) -> list[str]:
    return [line.text for line in lines]


def _start_with_lines(setup: RuntimeSetup, *texts: str, word: str = "web") -> str:
    """Start a container that prints these lines one after the other."""
    name = setup.start(word)
    for number, text in enumerate(texts, start=1):
        setup.print_line(name, text, "stdout")
        setup.wait_until(name, lambda _, number=number: len(setup.runtime.output(name)) >= number)  # type: ignore[misc]
    return name


def _next_lines(batches: Batches, count: int, seconds: float = 10) -> list[OutputLine]:
    """Return the next `count` lines."""
    lines: list[OutputLine] = []
    end = time.monotonic() + seconds
    while len(lines) < count:
        assert time.monotonic() < end, lines
        lines += next(batches)
    return lines


@contextmanager
def _follow(setup: RuntimeSetup, name: str, since: datetime | None = None) -> Iterator[Batches]:
    with closing(setup.runtime.follow(name, since)) as batches:
        yield batches


# ── Existing output ────────────────────────────────────────────────────────────────────────────────


def test_lines_have_their_time_and_stream(setup: RuntimeSetup):
    before = datetime.now(UTC)
    name = setup.start("crash", "crash:1")
    setup.wait_exited(name)
    first, second = setup.runtime.output(name)
    assert (first.stream, first.text) == ("stdout", "opening the database")
    assert (second.stream, second.text) == ("stderr", "cannot open it")
    assert before - timedelta(milliseconds=1) <= first.at < second.at <= datetime.now(UTC)


def test_output_that_began_late_lacks_nothing(setup: RuntimeSetup):
    silent, name = setup.start("silent"), _start_with_lines(setup, "one", "two")
    since = setup.runtime.output(name)[0].at - timedelta(seconds=5)
    assert not any(setup.runtime.may_lack_output(each, since) for each in (name, silent, setup.name("nothing")))


def test_tail_limits_the_number_of_lines(setup: RuntimeSetup):
    name = _start_with_lines(setup, "one", "two", "three")
    assert _texts(setup.runtime.output(name)) == ["one", "two", "three"]
    assert _texts(setup.runtime.output(name, tail=9)) == ["one", "two", "three"]
    assert _texts(setup.runtime.output(name, tail=2)) == ["two", "three"]
    assert setup.runtime.output(name, tail=0) == []


def test_since_and_until_apply_before_tail(setup: RuntimeSetup):
    name = _start_with_lines(setup, "one", "two", "three", "four")
    one, two, three, four = setup.runtime.output(name)
    assert setup.runtime.output(name, since=two.at) == [two, three, four]
    assert setup.runtime.output(name, since=two.at + MICROSECOND) == [three, four]
    assert setup.runtime.output(name, until=three.at) == [one, two]
    assert setup.runtime.output(name, since=two.at, until=four.at) == [two, three]
    assert setup.runtime.output(name, until=four.at, tail=1) == [three]
    assert setup.runtime.output(name, since=two.at, tail=2) == [three, four]
    assert setup.runtime.output(name, since=four.at, tail=3) == [four]
    assert setup.runtime.output(name, since=four.at + MICROSECOND) == []


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_since_and_until_accept_times_far_away(setup: RuntimeSetup, year: int):
    name = _start_with_lines(setup, "one")
    far = datetime(year, 6, 1, tzinfo=UTC)
    assert _texts(setup.runtime.output(name, since=far)) == (["one"] if year < 2000 else [])
    assert _texts(setup.runtime.output(name, until=far)) == ([] if year < 2000 else ["one"])


def test_keep_applies_before_tail(setup: RuntimeSetup):
    name = _start_with_lines(setup, "red 1", "blue 1", "red 2", "blue 2")
    shown: list[str] = []

    def red(line: OutputLine) -> bool:
        shown.append(line.text)
        return line.text.startswith("red")

    assert _texts(setup.runtime.output(name, tail=1, keep=red)) == ["red 2"]
    assert shown == ["red 1", "blue 1", "red 2", "blue 2"]
    assert _texts(setup.runtime.output(name, keep=red)) == ["red 1", "red 2"]


def test_output_covers_all_starts_of_a_container(setup: RuntimeSetup):
    name = setup.start("done", "done:1")
    setup.wait_exited(name)
    setup.runtime.start(name)
    setup.wait_until(name, lambda found: found.state == "exited" and len(setup.runtime.output(name)) == 2)
    assert _texts(setup.runtime.output(name)) == ["done", "done"]


def test_a_missing_or_never_started_container_has_no_output(setup: RuntimeSetup):
    for name in ("never-was", setup.create()):
        assert setup.runtime.output(name) == setup.runtime.output(name, tail=5) == []
        assert [line for lines in setup.runtime.follow(name) for line in lines] == []


# ── Following ─────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_yielded_at_once(setup: RuntimeSetup):
    name = _start_with_lines(setup, "before")
    with _follow(setup, name) as batches:
        assert _texts(_next_lines(batches, 1)) == ["before"]
        for stream in ("stdout", "stderr"):
            began = time.monotonic()
            setup.print_line(name, f"to {stream}", stream)
            [line] = _next_lines(batches, 1)
            assert (line.stream, line.text) == (stream, f"to {stream}")
            assert time.monotonic() - began < 1
        assert line == setup.runtime.output(name)[-1]


def test_an_empty_batch_is_yielded_twice_a_second(setup: RuntimeSetup):
    with _follow(setup, _start_with_lines(setup, "one")) as batches:
        _next_lines(batches, 1)
        for _ in range(5):
            began = time.monotonic()
            assert next(batches) == []
            assert time.monotonic() - began < 0.5


def test_following_can_start_at_a_time(setup: RuntimeSetup):
    name = _start_with_lines(setup, "one", "two", "three")
    second = setup.runtime.output(name)[1].at
    with _follow(setup, name, second) as batches:
        assert _texts(_next_lines(batches, 2)) == ["two", "three"]
    with _follow(setup, name, datetime.now(UTC)) as batches:
        assert next(batches) == []
        setup.print_line(name, "four", "stdout")
        assert _texts(_next_lines(batches, 1)) == ["four"]


def test_following_ends_with_the_container_and_misses_no_lines(setup: RuntimeSetup):
    for word, image, end in (("done", "done:1", lambda _: None), ("sleeper", "sleeper:1", setup.kill)):
        name = setup.start(word, image)
        setup.wait_until(name, lambda _, name=name: bool(setup.runtime.output(name)))  # type: ignore[misc]
        with _follow(setup, name) as batches:
            first = _next_lines(batches, 1)
            end(name)
            rest = [line for lines in batches for line in lines]
        assert first + rest == setup.runtime.output(name)


def test_following_ends_when_the_container_is_removed(setup: RuntimeSetup):
    name = _start_with_lines(setup, "one")
    with _follow(setup, name) as batches:
        _next_lines(batches, 1)
        setup.runtime.remove(name)
        assert [line for lines in batches for line in lines] == []


def test_two_readers_follow_independently(setup: RuntimeSetup):
    name = _start_with_lines(setup, "one", "two")
    with _follow(setup, name) as first, _follow(setup, name) as second:
        assert _next_lines(first, 2) == _next_lines(second, 2) == setup.runtime.output(name)


def test_following_can_be_closed_from_another_thread(setup: RuntimeSetup):
    batches = setup.runtime.follow(_start_with_lines(setup, "one"))
    _next_lines(batches, 1)
    closing_one = threading.Thread(target=batches.close)
    closing_one.start()
    closing_one.join(1)
    assert not closing_one.is_alive()
    assert next(batches, None) is None


def test_logs_are_the_texts_of_the_lines(setup: RuntimeSetup):
    name = _start_with_lines(setup, "one", "two", "three")
    assert setup.runtime.logs(name, 2) == ["two", "three"]
