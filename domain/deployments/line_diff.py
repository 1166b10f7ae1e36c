"""Differences of two texts by lines, as a unified diff, in bounded time.

The search is Myers' ("An O(ND) Difference Algorithm and Its Variations", 1986): the shortest diff for texts that differ
in up to some 500 lines. Past a fixed amount of work, the lines between the first and the last difference are shown as
one replaced block. That is a valid diff too, only longer.

No library does this with a bound: on texts of 256 KiB that are made for it, `difflib` takes minutes (it is cubic) and
`patiencediff` seconds.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_CONTEXT = 3
_MOST_STEPS = 150_000  # about 0.1 s; exact for some 500 changed lines


class Match(NamedTuple):
    """`size` equal lines, from line `old` of the old text and line `new` of the new text on, counted from 0."""

    old: int
    new: int
    size: int


class Change(NamedTuple):
    """The old lines from `old` until before `old_end` are replaced by the new lines from `new` until `new_end`."""

    old: int
    old_end: int
    new: int
    new_end: int


def unified_diff(old: str, new: str) -> str | None:
    """Return the unified diff from `old` to `new`, or None if their lines are equal."""
    before, after = old.splitlines(), new.splitlines()
    hunks = _hunks(changes(before, after))
    lines = [line for hunk in hunks for line in _hunk_lines(before, after, hunk)]
    return "\n".join(["--- before", "+++ after", *lines]) if lines else None


def changes(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    """Return the changes that lead from the old lines to the new ones, in order."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    found = shortest_edit(old[head : len(old) - tail], new[head : len(new) - tail])
    inner = (Match(head + match.old, head + match.new, match.size) for match in found)
    matches = [Match(0, 0, head), *inner, Match(len(old) - tail, len(new) - tail, tail)]
    for left, right in pairwise(matches):
        change = Change(left.old + left.size, right.old, left.new + left.size, right.new)
        if change.old < change.old_end or change.new < change.new_end:
            yield change


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many lines at the start are equal."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((number for number, (before, after) in pairs if before != after), min(len(old), len(new)))


def shortest_edit(old: Sequence[str], new: Sequence[str]) -> list[Match]:
    """Return the equal blocks that the shortest edit keeps, in order; none if it takes too long to find them.

    `reached[edits][diagonal]` is the furthest old line that this number of edits reaches on the diagonal
    `old line - new line`.
    """
    reached: list[dict[int, int]] = []
    steps = 0
    for edits in range(len(old) + len(new) + 1):
        reached.append({})
        for diagonal in range(-edits, edits + 1, 2):
            start = _start(reached, edits, diagonal)
            end = _end_of_match(old, new, start, start - diagonal)
            reached[edits][diagonal] = end
            steps += 1 + end - start
            if end >= len(old) and end - diagonal >= len(new):
                return _kept(reached, diagonal)
            if steps > _MOST_STEPS:
                return []
    return []


def _start(reached: list[dict[int, int]], edits: int, diagonal: int) -> int:
    """Return the old line at which a diagonal continues: after a line is added, or after one is removed."""
    if edits == 0:
        return 0
    after_adding = reached[edits - 1].get(diagonal + 1, -1)
    after_removing = reached[edits - 1].get(diagonal - 1, -1) + 1
    return max(after_adding, after_removing)


def _end_of_match(old: Sequence[str], new: Sequence[str], line: int, new_line: int) -> int:
    while line < len(old) and new_line < len(new) and old[line] == new[new_line]:
        line += 1
        new_line += 1
    return line


def _kept(reached: list[dict[int, int]], diagonal: int) -> list[Match]:
    """Return the equal blocks on the way back from the end of both texts."""
    matches = []
    for edits in range(len(reached) - 1, -1, -1):
        start, end = _start(reached, edits, diagonal), reached[edits][diagonal]
        if end > start:
            matches.append(Match(start, start - diagonal, end - start))
        added = edits > 0 and start == reached[edits - 1].get(diagonal + 1, -1)
        diagonal += 1 if added else -1
    return matches[::-1]


def _hunks(edits: Iterator[Change]) -> list[list[Change]]:
    """Group the changes whose context lines touch."""
    hunks: list[list[Change]] = []
    for change in edits:
        if hunks and change.old - hunks[-1][-1].old_end <= 2 * _CONTEXT:
            hunks[-1].append(change)
        else:
            hunks.append([change])
    return hunks


def _hunk_lines(old: Sequence[str], new: Sequence[str], hunk: list[Change]) -> Iterator[str]:
    first, last = hunk[0], hunk[-1]
    lead = min(_CONTEXT, first.old, first.new)
    trail = min(_CONTEXT, len(old) - last.old_end)
    old_range = _range(first.old - lead, last.old_end + trail)
    yield f"@@ -{old_range} +{_range(first.new - lead, last.new_end + trail)} @@"
    position = first.old - lead
    for change in hunk:
        yield from (f" {line}" for line in old[position : change.old])
        yield from (f"-{line}" for line in old[change.old : change.old_end])
        yield from (f"+{line}" for line in new[change.new : change.new_end])
        position = change.old_end
    yield from (f" {line}" for line in old[position : position + trail])


def _range(start: int, end: int) -> str:
    """Return a range as GNU diff writes it: counted from 1, an empty one from the line before it."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
