"""How far an output has been read, and reading on from there."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ports.output import OutputLine, ReadPosition, gap_marker

START = datetime(2026, 1, 1, tzinfo=UTC)
# Few times, so that many lines share one.
LINES = st.lists(st.integers(0, 4), max_size=30).map(
    lambda seconds: [
        OutputLine(START + timedelta(seconds=second), "stdout", str(number))
        for number, second in enumerate(sorted(seconds))
    ]
)


def _batches(lines: list[OutputLine], size: int) -> list[list[OutputLine]]:
    return [[], *(lines[first : first + size] for first in range(0, len(lines), size)), []]


def _line(second: int, text: str) -> OutputLine:
    return OutputLine(START + timedelta(seconds=second), "stdout", text)


@given(LINES, st.integers(0, 30), st.integers(1, 5), st.integers(1, 5))
def test_reading_on_repeats_and_misses_nothing(lines: list[OutputLine], read: int, first_size: int, size: int):
    position = ReadPosition()
    for batch in _batches(lines[:read], first_size):
        position = position.advance(batch)
    rest = [line for line in lines if position.at is None or line.at >= position.at]
    assert [line for batch in position.skip_read(_batches(rest, size)) for line in batch] == lines[read:]


@pytest.mark.parametrize(
    ("retained", "expected"),
    [
        ([_line(1, "b"), _line(1, "c")], [_line(1, "c")]),
        ([_line(1, "c"), _line(2, "d")], [gap_marker(START + timedelta(seconds=1)), _line(1, "c"), _line(2, "d")]),
        ([_line(2, "d")], [gap_marker(START + timedelta(seconds=1)), _line(2, "d")]),
        ([], []),
    ],
    ids=["the first read line was deleted", "the next line has the same time", "more were deleted", "no new line"],
)
def test_a_marker_stands_where_the_engine_has_deleted_the_lines_that_were_read(
    retained: list[OutputLine], expected: list[OutputLine]
):
    position = ReadPosition().advance([_line(0, "0"), _line(1, "a"), _line(1, "b")])
    assert [line for batch in position.skip_read(_batches(retained, 2)) for line in batch] == expected


def test_lines_of_two_streams_that_are_not_in_order_are_not_repeated():
    position = ReadPosition().advance([_line(0, "0"), _line(1, "a")])
    assert [*position.skip_read([[_line(2, "b"), _line(1, "a"), _line(3, "c")]])] == [[_line(2, "b"), _line(3, "c")]]
