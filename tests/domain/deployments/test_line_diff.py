"""The unified diff of compose texts: right, shortest for ordinary texts, and bounded in time for hostile ones."""

import random
from difflib import unified_diff as reference
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.deployments.line_diff import Change, changes, unified_diff

LONGEST = 262_144
LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30)


def _apply(old: list[str], edits: list[Change], new: list[str]) -> list[str]:
    result, position = [], 0
    for edit in edits:
        result += old[position : edit.old] + new[edit.new : edit.new_end]
        position = edit.old_end
    return result + old[position:]


def _distance(old: list[str], new: list[str]) -> int:
    """How many lines the shortest edit removes and adds, by dynamic programming."""
    row = list(range(len(new) + 1))
    for number, before in enumerate(old, 1):
        left = [number]
        for column, after in enumerate(new, 1):
            left.append(row[column - 1] if before == after else 1 + min(row[column], left[column - 1]))
        row = left
    return row[-1]


@given(LINES, LINES)
def test_the_changes_lead_from_the_old_lines_to_the_new_by_the_shortest_way(old: list[str], new: list[str]) -> None:
    found = list(changes(old, new))
    assert _apply(old, found, new) == new
    assert sum(edit.old_end - edit.old + edit.new_end - edit.new for edit in found) == _distance(old, new)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_a_diff_is_written_as_the_standard_library_writes_it(removed: set[int], changed: set[int]) -> None:
    old = [f"line {number}" for number in range(60)]
    new = [f"{line}!" if number in changed else line for number, line in enumerate(old) if number not in removed]
    expected = "\n".join(reference(old, new, "before", "after", lineterm=""))
    assert (unified_diff("\n".join(old), "\n".join(new)) or "") == expected


def test_equal_texts_have_no_diff() -> None:
    assert unified_diff("", "") is None
    assert unified_diff("a\nb\n", "a\nb") is None


def _cut(lines: list[str]) -> str:
    return "\n".join(lines)[:LONGEST]


def _random(alphabet: str, seed: int) -> str:
    return _cut(random.Random(seed).choices(alphabet, k=LONGEST // 2))


def _broken(every: int) -> str:
    """A text of two lines in turn, with another line now and then."""
    return _cut(["c" if number % every == 0 else "ab"[number % 2] for number in range(LONGEST // 2)])


UP = [f"{number:x}" for number in range(50_000)]
HOSTILE = {
    "lines up and then down": (_cut(UP), _cut(UP[::-1])),
    "lines up and down against lines down and up": (_cut(UP[:25_000] + UP[24_999::-1]), _cut(UP[24_999::-1] + UP)),
    "empty lines against short ones": ("\n" * LONGEST, "a\n" * (LONGEST // 2)),
    "two lines in turn, shifted": ("a\nb\n" * (LONGEST // 4), "b\na\n" * (LONGEST // 4)),
    "two lines at random": (_random("ab", 1), _random("ab", 2)),
    "many lines at random": (_random("abcdefghijklmnopqrstuvwxyz", 1), _random("abcdefghijklmnopqrstuvwxyz", 2)),
    "long runs of equal lines": (_broken(LONGEST), _broken(400)),
    "longer runs of equal lines": (_broken(LONGEST), _broken(3000)),
    "long lines that differ at their ends": (
        _cut([f"{'x' * 480}{number}" for number in range(540)]),
        _cut([f"{'x' * 480}{number}" for number in range(540, 0, -1)]),
    ),
}


@pytest.mark.parametrize("texts", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_diff_of_two_hostile_texts_takes_less_than_a_third_of_a_second(texts: tuple[str, str]) -> None:
    begin = thread_time()
    diff = unified_diff(*texts)
    assert thread_time() - begin < 0.3
    assert diff


def test_texts_that_differ_too_much_are_one_replaced_block() -> None:
    old, new = ["a", *UP[:3000], "z"], ["a", *UP[2999::-1], "z"]
    assert list(changes(old, new)) == [Change(1, 3001, 1, 3001)]
