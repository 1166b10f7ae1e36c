"""Bounds on open connections, by address and in all."""

import logging

import pytest

from domain.identity import connection_limits
from domain.identity.connection_limits import ConnectionLimits


class Line:
    """A connection that records whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close_idle(self) -> None:
        self.closed = True


def fill(limits: ConnectionLimits, *addresses: str) -> list[Line]:
    lines = [Line() for _ in addresses]
    for line, address in zip(lines, addresses, strict=True):
        assert limits.add(line, address)
    return lines


@pytest.mark.parametrize(
    ("open_from", "new_from"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
    ],
)
def test_an_address_has_a_bound(open_from: str, new_from: str) -> None:
    limits = ConnectionLimits("the API", 100, 3)
    first, *_ = fill(limits, *[open_from] * 3)
    assert not limits.add(Line(), new_from)
    fill(limits, "192.0.2.8", "2001:db8:0:1::1")
    limits.remove(first)
    assert limits.add(Line(), new_from)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_a_proxy_on_this_machine_has_no_bound_of_its_own(address: str) -> None:
    assert len(fill(ConnectionLimits("the API", 100, 3), *[address] * 10)) == 10


def test_the_longest_waiting_connection_is_closed_for_a_new_one() -> None:
    limits = ConnectionLimits("the API", 3, 3)
    busy, first, second = fill(limits, *["127.0.0.1"] * 3)
    limits.work(busy)
    limits.work(first)
    limits.wait(first)
    (third,) = fill(limits, "127.0.0.1")
    assert [line.closed for line in (busy, first, second, third)] == [False, False, True, False]
    assert limits.count == 3


def test_a_new_connection_is_refused_if_none_waits() -> None:
    limits = ConnectionLimits("the API", 2, 2)
    for line in fill(limits, *["127.0.0.1"] * 2):
        limits.work(line)
    refused = Line()
    assert not limits.add(refused, "127.0.0.1")
    limits.remove(refused)
    assert limits.count == 2


def test_a_successor_is_counted_in_the_place_of_a_connection() -> None:
    limits = ConnectionLimits("the API", 100, 1)
    (line,) = fill(limits, "192.0.2.7")
    successor = Line()
    limits.replace(line, successor)
    limits.remove(line)
    assert not limits.add(Line(), "192.0.2.7")
    limits.remove(successor)
    assert limits.add(Line(), "192.0.2.7")


def test_a_flood_is_one_line_in_the_log_every_ten_seconds(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(connection_limits.time, "monotonic", lambda: now[0])
    limits = ConnectionLimits("the API", 100, 1)
    fill(limits, "192.0.2.7")
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            limits.add(Line(), "192.0.2.7")
        now[0] += 11
        limits.add(Line(), "192.0.2.7")
    message = "the API closes connections: 192.0.2.7 has 1 open connections (PANEL_CONNECTIONS_PER_ADDRESS)"
    assert [record.getMessage() for record in caplog.records] == [message] * 2
    assert [record.__dict__["closed"] for record in caplog.records] == [1, 1000]
