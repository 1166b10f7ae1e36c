"""How far an output has been read, and going on from there."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.ports.runtime import OutputLine, ReadPosition

START = datetime(2026, 1, 1, tzinfo=UTC)
# Few moments, so that many lines share one.
LINES = st.lists(st.integers(0, 4), max_size=30).map(
    lambda seconds: [
        OutputLine(START + timedelta(seconds=second), "stdout", str(number))
        for number, second in enumerate(sorted(seconds))
    ]
)


def _batches(lines: list[OutputLine], size: int) -> list[list[OutputLine]]:
    return [[], *(lines[first : first + size] for first in range(0, len(lines), size)), []]


@given(LINES, st.integers(0, 30), st.integers(1, 5), st.integers(1, 5))
def test_whoever_goes_on_from_a_point_misses_nothing_and_hears_nothing_twice(
    lines: list[OutputLine], read: int, first_size: int, size: int
):
    point = ReadPosition()
    for batch in _batches(lines[:read], first_size):
        point = point.advance(batch)
    again = [line for line in lines if point.at is None or line.at >= point.at]
    assert [line for batch in point.skip_read(_batches(again, size)) for line in batch] == lines[read:]
