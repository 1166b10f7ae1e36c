"""Rate limits over HTTP: whose budget is charged, what the headers say, and that waiting helps."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.calls import OPERATIONS, PUBLIC, Targets, create_targets, error
from tests.panel import Panel, start_panel


class Time:
    """The clock of the counter, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._real = time.time

    def time(self) -> float:
        return self._real() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Panel]:
    """Five a minute by address, eight by key, three deployments."""
    with start_panel(tmp_path, rate_limit_default=5, rate_limit_authenticated=8, rate_limit_deploy=3) as panel:
        yield panel


def _budget(response: httpx.Response) -> tuple[int, int]:
    return int(response.headers["x-ratelimit-limit"]), int(response.headers["x-ratelimit-remaining"])


def _spend(panel: Panel, times: int, path: str, **options: object) -> list[int]:
    return [panel.get(path, **options).status_code for _ in range(times)]


def test_each_tier_has_its_own_budget(narrow: Panel) -> None:
    assert _budget(narrow.get("/health", key=None)) == (5, 4)
    assert _budget(narrow.get("/roles")) == (8, 7)
    assert _budget(narrow.post("/services", {})) == (3, 2)
    assert _budget(narrow.get("/roles")) == (8, 5)


def test_a_key_can_have_its_own_limit(narrow: Panel) -> None:
    key = narrow.key("viewer", rate_limit_rpm=2)
    assert _budget(narrow.get("/roles", key=key)) == (2, 1)
    assert _spend(narrow, 2, "/roles", key=key) == [200, 429]
    assert _budget(narrow.get("/roles")) == (8, 7)


def test_a_changed_limit_applies_from_the_next_request(narrow: Panel) -> None:
    made = narrow.post("/v1/api-keys", {"name": "a", "role": "viewer", "rateLimitRpm": 1}).json()
    assert _spend(narrow, 2, "/roles", key=made["key"]) == [200, 429]
    narrow.patch(f"/v1/api-keys/{made['id']}", {"rateLimitRpm": 50})
    assert _spend(narrow, 1, "/roles", key=made["key"]) == [200]


def test_an_exceeded_limit_returns_a_correct_retry_after(narrow: Panel, clock: Time) -> None:
    assert _spend(narrow, 9, "/roles") == [200] * 8 + [429]
    refused = narrow.get("/roles")
    wait = int(refused.headers["retry-after"])
    assert (error(refused)["code"], _budget(refused)) == ("rate_limited", (8, 0))
    assert 1 <= wait <= 61
    assert int(refused.headers["x-ratelimit-reset"]) - clock.time() <= wait
    clock.ahead += wait
    assert _spend(narrow, 9, "/roles") == [200] * 8 + [429]


def test_waiting_half_as_long_is_not_enough(narrow: Panel, clock: Time) -> None:
    assert _spend(narrow, 9, "/roles")[-1] == 429
    clock.ahead += int(narrow.get("/roles").headers["retry-after"]) / 2
    assert narrow.get("/roles").status_code == 429


def test_refused_requests_do_not_extend_the_wait(narrow: Panel, clock: Time) -> None:
    reset = narrow.get("/roles").headers["x-ratelimit-reset"]
    clock.ahead += 20
    _spend(narrow, 20, "/roles")
    assert narrow.get("/roles").headers["x-ratelimit-reset"] == reset


def test_deployments_are_counted_separately(narrow: Panel) -> None:
    assert [narrow.post("/services", {}).status_code for _ in range(4)] == [422, 422, 422, 429]
    assert narrow.get("/roles").status_code == 200
    other = narrow.key("admin")
    assert narrow.post("/services", {}, key=other).status_code == 422


def test_deployments_count_against_the_key_as_well(narrow: Panel) -> None:
    key = narrow.key("admin", rate_limit_rpm=2)
    assert [narrow.post("/services", {}, key=key).status_code for _ in range(3)] == [422, 422, 429]
    assert _budget(narrow.get("/roles", key=key)) == (2, 0)


def test_invalid_keys_count_against_the_address_and_do_not_block_valid_keys(narrow: Panel) -> None:
    assert _spend(narrow, 6, "/roles", key="wrong") == [401] * 5 + [429]
    assert _spend(narrow, 1, "/roles", key=None) == [429]
    assert _spend(narrow, 1, "/roles") == [200]


def test_many_different_invalid_keys_share_one_limit(narrow: Panel) -> None:
    statuses = [narrow.get("/roles", key=f"aap_{number:08}_{'0' * 36}").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2


def test_an_address_over_its_limit_gets_no_other_response(narrow: Panel) -> None:
    _spend(narrow, 5, "/health", key=None)
    for path in ("/health", "/openapi.yaml", "/docs", "/docs/start.js", "/nowhere", "/services"):
        assert narrow.get(path, key=None).status_code == 429, path
    assert narrow.put("/health", {}, key=None).status_code == 429


def test_an_exceeded_limit_is_reported_before_the_body_is_read(narrow: Panel) -> None:
    _spend(narrow, 8, "/roles")
    refused = narrow.post("/services", content=b"x" * 5_000_000, headers={"Content-Type": "application/json"})
    assert refused.status_code == 429


WAYS_AROUND = [
    ("GET", "/Roles", {}),
    ("GET", "/roles/", {}),
    ("GET", "//roles", {}),
    ("GET", "/roles%2F", {}),
    ("POST", "/roles", {}),
    ("GET", "/roles", {"X-Forwarded-For": "203.0.113.9"}),
    ("GET", "/roles", {"X-Real-IP": "203.0.113.9"}),
    ("GET", "/roles", {"Forwarded": "for=203.0.113.9"}),
    ("GET", "/roles", {"X-HTTP-Method-Override": "HEAD"}),
    ("GET", "/roles", {"X-Original-URL": "/health"}),
    ("GET", "/roles", {"Host": "other.example"}),
    ("HEAD", "/roles", {}),
    ("OPTIONS", "/roles", {}),
    ("GET", "/roles?a=b", {}),
]


def test_an_exceeded_limit_cannot_be_bypassed(narrow: Panel) -> None:
    """An address and a key that are both spent: whatever is written differently is charged to one of them."""
    _spend(narrow, 5, "/health", key=None)
    _spend(narrow, 8, "/roles")
    got_through = [
        (method, path, headers)
        for method, path, headers in WAYS_AROUND
        if narrow.request(method, path, headers=headers).status_code != 429
    ]
    assert got_through == []


def test_head_and_get_share_a_limit(narrow: Panel) -> None:
    narrow.get("/roles")
    assert _budget(narrow.request("HEAD", "/roles")) == (8, 6)


def test_reads_that_are_not_modified_are_counted_too(narrow: Panel) -> None:
    etag = narrow.get("/templates/hello").headers["etag"]
    unchanged = narrow.get("/templates/hello", headers={"If-None-Match": etag})
    assert (unchanged.status_code, _budget(unchanged)) == (304, (8, 6))


def test_every_operation_counts_against_its_documented_tier(panel: Panel) -> None:
    made, charged = create_targets(panel), {}
    hit = panel.ports.counter.hit
    panel.ports.counter.hit = lambda bucket, limit: (  # type: ignore[method-assign]
        buckets.append(bucket.partition(":")[0]),
        hit(bucket, limit),
    )[1]
    for operation in sorted(OPERATIONS, key=lambda one: one.method == "DELETE"):
        buckets: list[str] = []
        made.send(panel, operation)
        charged[operation.operation_id] = buckets
    tiers = {"default": ["address"], "authenticated": ["key"], "deploy": ["key", "deploy"]}
    assert charged == {one.operation_id: tiers[one.raw["x-rate-tier"]] for one in OPERATIONS}
    assert {name for name, buckets in charged.items() if buckets == ["address"]} == PUBLIC


def test_an_exceeded_limit_refuses_every_operation(narrow: Panel) -> None:
    for operation in (one for one in OPERATIONS if one.operation_id not in PUBLIC):
        key = narrow.key("admin", rate_limit_rpm=1)
        assert _spend(narrow, 1, "/roles", key=key) == [200]
        assert Targets().send(narrow, operation, key=key, with_worker=False).status_code == 429, operation.operation_id


def test_a_key_can_read_its_limits(narrow: Panel) -> None:
    assert narrow.get("/auth/me").json()["rate_limits"] == {"authenticated": 8, "deploy": 3}
    own = narrow.key("viewer", rate_limit_rpm=77)
    assert narrow.get("/auth/me", key=own).json()["rate_limits"] == {"authenticated": 77, "deploy": 3}
