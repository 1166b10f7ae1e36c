"""Whose budget a request is charged to."""

from dataclasses import replace

import pytest

from domain.errors import TooMany
from domain.identity import budgets
from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.counter import Budget
from domain.settings import Settings

HERE = "192.0.2.7"


class Counted:
    """A counter that keeps what was counted; the buckets that are named in `spent` allow nothing."""

    def __init__(self, *spent: str) -> None:
        self.hits: list[tuple[str, int]] = []
        self._spent = spent

    def hit(self, bucket: str, limit: int) -> Budget:
        self.hits.append((bucket, limit))
        return Budget(bucket.partition(":")[0] not in self._spent, limit, limit - 1, 0)


def charged(ports: Ports, tier: str | None, caller: Caller | None, *spent: str) -> tuple[list[tuple[str, int]], Budget]:
    counter = Counted(*spent)
    settings = Settings(rate_limit_default=5, rate_limit_authenticated=8, rate_limit_deploy=3, rate_limit_logout=7)
    budget = budgets.charge(replace(ports, counter=counter, settings=settings), tier, caller, HERE)
    return counter.hits, budget


@pytest.mark.parametrize("tier", [None, "default", "authenticated", "deploy"])
def test_requests_without_a_caller_count_against_the_address(ports: Ports, tier: str | None):
    assert charged(ports, tier, None)[0] == [(f"address:{HERE}", 5)]


@pytest.mark.parametrize("tier", [None, "default"])
def test_public_operations_count_against_the_address(ports: Ports, admin: Caller, tier: str | None):
    assert charged(ports, tier, admin)[0] == [(f"address:{HERE}", 5)]


def test_logouts_that_the_provider_reports_have_a_budget_of_their_own(ports: Ports):
    assert charged(ports, "logout", None)[0] == [(f"logout:{HERE}", 7)]


def test_requests_with_a_key_count_against_the_key(ports: Ports, admin: Caller):
    assert charged(ports, "authenticated", admin)[0] == [(f"key:{admin.id}", 8)]


def test_a_key_can_have_its_own_budget(ports: Ports, admin: Caller):
    own = replace(admin, grant=replace(admin.grant, rate_limit_rpm=77))
    assert charged(ports, "authenticated", own)[0] == [(f"key:{admin.id}", 77)]


def test_deployments_count_twice_and_the_smaller_budget_is_returned(ports: Ports, admin: Caller):
    hits, budget = charged(ports, "deploy", admin)
    assert hits == [(f"key:{admin.id}", 8), (f"deploy:{admin.id}", 3)]
    assert budget.limit == 3


def test_a_key_over_its_limit_uses_no_deployments(ports: Ports, admin: Caller):
    hits, budget = charged(ports, "deploy", admin, "key")
    assert hits == [(f"key:{admin.id}", 8)]
    assert not budget.allowed


@pytest.mark.parametrize(("ahead", "seconds"), [(17, 17), (1, 1), (0, 1), (-5, 1)])
def test_a_refusal_has_the_seconds_to_wait(monkeypatch: pytest.MonkeyPatch, ahead: int, seconds: int):
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    refusal = budgets.too_many_requests(Budget(False, 5, 0, 1_000_000 + ahead))
    assert isinstance(refusal, TooMany)
    assert (refusal.code, refusal.retry_after) == ("rate_limited", seconds)
