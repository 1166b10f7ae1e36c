"""Identifiers sort by time, also when the clock is set back."""

import time

import pytest

from domain.model.identifiers import new_id


def test_an_identifier_sorts_behind_an_earlier_one_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch):
    made = [new_id("op")]
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3600 * 10**9)
    for _ in range(1000):
        made.append(new_id("op", after=made[-1]))
    assert made == sorted(set(made))
    assert {len(identifier) for identifier in made} == {len("op_") + 26}


def test_without_an_earlier_one_an_identifier_sorts_by_the_clock():
    earlier = new_id("op")
    time.sleep(0.002)
    assert earlier < new_id("op", after=earlier)
