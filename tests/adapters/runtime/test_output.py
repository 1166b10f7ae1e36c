"""What containers print: by time, by number, and as it comes, on both runtimes."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from domain.ports.runtime import OutputLine
from tests.runtime_setup import Stage

Batches = Generator[list[OutputLine], None, None]
MICROSECOND = timedelta(microseconds=1)


def _texts(lines: list[OutputLine]) -> list[str]:
    return [line.text for line in lines]


def _told(stage: Stage, *texts: str, word: str = "web") -> str:
    """A container that runs and has printed these lines, one after the other."""
    name = stage.started(word)
    for number, text in enumerate(texts, start=1):
        stage.say(name, text, "stdout")
        stage.until(name, lambda _, number=number: len(stage.runtime.output(name)) >= number)  # type: ignore[misc]
    return name


def _until(batches: Batches, count: int, seconds: float = 10) -> list[OutputLine]:
    """The next so many lines."""
    lines: list[OutputLine] = []
    end = time.monotonic() + seconds
    while len(lines) < count:
        assert time.monotonic() < end, lines
        lines += next(batches)
    return lines


@contextmanager
def _followed(stage: Stage, name: str, since: datetime | None = None) -> Iterator[Batches]:
    with closing(stage.runtime.follow(name, since)) as batches:
        yield batches


# ── What there is ────────────────────────────────────────────────────────────────────────────────


def test_lines_have_their_time_and_say_where_they_went(stage: Stage):
    before = datetime.now(UTC)
    name = stage.started("crash", "crash:1")
    stage.ended(name)
    first, second = stage.runtime.output(name)
    assert (first.stream, first.text) == ("stdout", "opening the database")
    assert (second.stream, second.text) == ("stderr", "cannot open it")
    assert before - timedelta(milliseconds=1) <= first.at < second.at <= datetime.now(UTC)


def test_the_last_lines_are_counted(stage: Stage):
    name = _told(stage, "one", "two", "three")
    assert _texts(stage.runtime.output(name)) == ["one", "two", "three"]
    assert _texts(stage.runtime.output(name, tail=9)) == ["one", "two", "three"]
    assert _texts(stage.runtime.output(name, tail=2)) == ["two", "three"]
    assert stage.runtime.output(name, tail=0) == []


def test_times_bound_what_is_read_and_the_last_of_that_are_counted(stage: Stage):
    name = _told(stage, "one", "two", "three", "four")
    one, two, three, four = stage.runtime.output(name)
    assert stage.runtime.output(name, since=two.at) == [two, three, four]
    assert stage.runtime.output(name, since=two.at + MICROSECOND) == [three, four]
    assert stage.runtime.output(name, until=three.at) == [one, two]
    assert stage.runtime.output(name, since=two.at, until=four.at) == [two, three]
    assert stage.runtime.output(name, until=four.at, tail=1) == [three]
    assert stage.runtime.output(name, since=two.at, tail=2) == [three, four]
    assert stage.runtime.output(name, since=four.at, tail=3) == [four]
    assert stage.runtime.output(name, since=four.at + MICROSECOND) == []


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_times_far_away_bound_nothing_or_all(stage: Stage, year: int):
    name = _told(stage, "one")
    far = datetime(year, 6, 1, tzinfo=UTC)
    assert _texts(stage.runtime.output(name, since=far)) == (["one"] if year < 2000 else [])
    assert _texts(stage.runtime.output(name, until=far)) == ([] if year < 2000 else ["one"])


def test_what_is_kept_is_counted_after_it_was_chosen(stage: Stage):
    name = _told(stage, "red 1", "blue 1", "red 2", "blue 2")
    shown: list[str] = []

    def red(line: OutputLine) -> bool:
        shown.append(line.text)
        return line.text.startswith("red")

    assert _texts(stage.runtime.output(name, tail=1, keep=red)) == ["red 2"]
    assert shown == ["red 1", "blue 1", "red 2", "blue 2"]
    assert _texts(stage.runtime.output(name, keep=red)) == ["red 1", "red 2"]


def test_both_starts_of_a_container_are_in_its_output(stage: Stage):
    name = stage.started("done", "done:1")
    stage.ended(name)
    stage.runtime.start(name)
    stage.until(name, lambda found: found.state == "exited" and len(stage.runtime.output(name)) == 2)
    assert _texts(stage.runtime.output(name)) == ["done", "done"]


def test_what_never_was_or_never_ran_has_printed_nothing(stage: Stage):
    for name in ("never-was", stage.created()):
        assert stage.runtime.output(name) == stage.runtime.output(name, tail=5) == []
        assert [line for lines in stage.runtime.follow(name) for line in lines] == []


# ── What comes ───────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_told_within_a_moment(stage: Stage):
    name = _told(stage, "before")
    with _followed(stage, name) as batches:
        assert _texts(_until(batches, 1)) == ["before"]
        for stream in ("stdout", "stderr"):
            began = time.monotonic()
            stage.say(name, f"to {stream}", stream)
            [line] = _until(batches, 1)
            assert (line.stream, line.text) == (stream, f"to {stream}")
            assert time.monotonic() - began < 1
        assert line == stage.runtime.output(name)[-1]


def test_silence_is_told_twice_a_second(stage: Stage):
    with _followed(stage, _told(stage, "one")) as batches:
        _until(batches, 1)
        for _ in range(5):
            began = time.monotonic()
            assert next(batches) == []
            assert time.monotonic() - began < 0.5


def test_following_can_begin_at_a_time(stage: Stage):
    name = _told(stage, "one", "two", "three")
    second = stage.runtime.output(name)[1].at
    with _followed(stage, name, second) as batches:
        assert _texts(_until(batches, 2)) == ["two", "three"]
    with _followed(stage, name, datetime.now(UTC)) as batches:
        assert next(batches) == []
        stage.say(name, "four", "stdout")
        assert _texts(_until(batches, 1)) == ["four"]


def test_following_ends_with_the_container_and_misses_nothing(stage: Stage):
    for word, image, end in (("done", "done:1", lambda _: None), ("sleeper", "sleeper:1", stage.kill)):
        name = stage.started(word, image)
        stage.until(name, lambda _, name=name: bool(stage.runtime.output(name)))  # type: ignore[misc]
        with _followed(stage, name) as batches:
            first = _until(batches, 1)
            end(name)
            rest = [line for lines in batches for line in lines]
        assert first + rest == stage.runtime.output(name)


def test_following_ends_when_the_container_is_removed(stage: Stage):
    name = _told(stage, "one")
    with _followed(stage, name) as batches:
        _until(batches, 1)
        stage.runtime.remove(name)
        assert [line for lines in batches for line in lines] == []


def test_two_follow_without_taking_from_each_other(stage: Stage):
    name = _told(stage, "one", "two")
    with _followed(stage, name) as first, _followed(stage, name) as second:
        assert _until(first, 2) == _until(second, 2) == stage.runtime.output(name)


def test_following_can_be_closed_by_another_thread_than_the_one_that_began_it(stage: Stage):
    batches = stage.runtime.follow(_told(stage, "one"))
    _until(batches, 1)
    closing_one = threading.Thread(target=batches.close)
    closing_one.start()
    closing_one.join(1)
    assert not closing_one.is_alive()
    assert next(batches, None) is None


def test_logs_are_the_texts_alone(stage: Stage):
    name = _told(stage, "one", "two", "three")
    assert stage.runtime.logs(name, 2) == ["two", "three"]
