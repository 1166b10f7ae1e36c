"""Rate limits over HTTP: which budget a request counts against, the headers, and requests after the wait."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.calls import OPERATIONS, PUBLIC, Targets, create_targets, error, json_options
from tests.panel import Panel, start_panel


class CounterClock:
    """The clock of the counter, which tests advance."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._real = time.time

    def time(self) -> float:
        return self._real() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> CounterClock:
    clock = CounterClock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


@pytest.fixture
def limited_panel(tmp_path: Path) -> Iterator[Panel]:
    """Start a panel with limits per minute of 5 for an address, 8 for a key and 3 for deployments."""
    with start_panel(tmp_path, rate_limit_default=5, rate_limit_authenticated=8, rate_limit_deploy=3) as panel:
        yield panel


def _budget(response: httpx.Response) -> tuple[int, int]:
    return int(response.headers["x-ratelimit-limit"]), int(response.headers["x-ratelimit-remaining"])


def _spend(panel: Panel, times: int, path: str, **options: object) -> list[int]:
    return [panel.get(path, **options).status_code for _ in range(times)]


def test_each_tier_has_its_own_budget(limited_panel: Panel) -> None:
    assert _budget(limited_panel.get("/health", key=None)) == (5, 4)
    assert _budget(limited_panel.get("/roles")) == (8, 7)
    assert _budget(limited_panel.post("/services", {})) == (3, 2)
    assert _budget(limited_panel.get("/roles")) == (8, 5)


def test_logouts_that_the_provider_reports_have_a_limit_of_their_own(tmp_path: Path) -> None:
    """The provider sends all of them from one address: a limit for people would lose some."""
    with start_panel(tmp_path, rate_limit_default=1, rate_limit_logout=3) as panel:
        sent = [panel.post("/auth/backchannel-logout", key=None, content="logout_token=x") for _ in range(4)]
        assert [(response.status_code == 429, *_budget(response)) for response in sent] == [
            (False, 3, 2),
            (False, 3, 1),
            (False, 3, 0),
            (True, 3, 0),
        ]
        assert panel.get("/health", key=None).status_code == 200


def test_a_key_can_have_its_own_limit(limited_panel: Panel) -> None:
    key = limited_panel.key("viewer", rate_limit_rpm=2)
    assert _budget(limited_panel.get("/roles", key=key)) == (2, 1)
    assert _spend(limited_panel, 2, "/roles", key=key) == [200, 429]
    assert _budget(limited_panel.get("/roles")) == (8, 7)


def test_a_changed_limit_applies_from_the_next_request(limited_panel: Panel) -> None:
    made = limited_panel.post("/v1/api-keys", {"name": "a", "role": "viewer", "rateLimitRpm": 1}).json()
    assert _spend(limited_panel, 2, "/roles", key=made["key"]) == [200, 429]
    limited_panel.patch(f"/v1/api-keys/{made['id']}", {"rateLimitRpm": 50})
    assert _spend(limited_panel, 1, "/roles", key=made["key"]) == [200]


def test_an_exceeded_limit_returns_a_correct_retry_after(limited_panel: Panel, clock: CounterClock) -> None:
    assert _spend(limited_panel, 9, "/roles") == [200] * 8 + [429]
    refused = limited_panel.get("/roles")
    wait = int(refused.headers["retry-after"])
    assert (error(refused)["code"], _budget(refused)) == ("rate_limited", (8, 0))
    assert 1 <= wait <= 61
    assert int(refused.headers["x-ratelimit-reset"]) - clock.time() <= wait
    clock.ahead += wait
    assert _spend(limited_panel, 9, "/roles") == [200] * 8 + [429]


def test_waiting_half_as_long_is_not_enough(limited_panel: Panel, clock: CounterClock) -> None:
    assert _spend(limited_panel, 9, "/roles")[-1] == 429
    clock.ahead += int(limited_panel.get("/roles").headers["retry-after"]) / 2
    assert limited_panel.get("/roles").status_code == 429


def test_refused_requests_do_not_extend_the_wait(limited_panel: Panel, clock: CounterClock) -> None:
    reset = limited_panel.get("/roles").headers["x-ratelimit-reset"]
    clock.ahead += 20
    _spend(limited_panel, 20, "/roles")
    assert limited_panel.get("/roles").headers["x-ratelimit-reset"] == reset


def test_deployments_are_counted_separately(limited_panel: Panel) -> None:
    assert [limited_panel.post("/services", {}).status_code for _ in range(4)] == [422, 422, 422, 429]
    assert limited_panel.get("/roles").status_code == 200
    other = limited_panel.key("admin")
    assert limited_panel.post("/services", {}, key=other).status_code == 422


def test_deployments_count_against_the_key_as_well(limited_panel: Panel) -> None:
    key = limited_panel.key("admin", rate_limit_rpm=2)
    assert [limited_panel.post("/services", {}, key=key).status_code for _ in range(3)] == [422, 422, 429]
    assert _budget(limited_panel.get("/roles", key=key)) == (2, 0)


def test_invalid_keys_count_against_the_address_and_do_not_block_valid_keys(limited_panel: Panel) -> None:
    assert _spend(limited_panel, 6, "/roles", key="wrong") == [401] * 5 + [429]
    assert _spend(limited_panel, 1, "/roles", key=None) == [429]
    assert _spend(limited_panel, 1, "/roles") == [200]


def test_many_different_invalid_keys_share_one_limit(limited_panel: Panel) -> None:
    statuses = [limited_panel.get("/roles", key=f"aap_{number:08}_{'0' * 36}").status_code for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2


def test_an_address_over_its_limit_gets_no_other_response(limited_panel: Panel) -> None:
    _spend(limited_panel, 5, "/health", key=None)
    for path in ("/health", "/openapi.yaml", "/docs", "/docs/start.js", "/nowhere", "/services"):
        assert limited_panel.get(path, key=None).status_code == 429, path
    assert limited_panel.put("/health", {}, key=None).status_code == 429
    for operation in (operation for operation in OPERATIONS if operation.raw["x-rate-tier"] == "default"):
        assert Targets().send(limited_panel, operation, key=None).status_code == 429, operation.operation_id


def test_an_exceeded_limit_is_reported_before_the_body_is_read(limited_panel: Panel) -> None:
    _spend(limited_panel, 8, "/roles")
    refused = limited_panel.post("/services", content=b"x" * 5_000_000, headers={"Content-Type": "application/json"})
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


def test_an_exceeded_limit_cannot_be_bypassed(limited_panel: Panel) -> None:
    """An address and a key are both over their limits. Each variant of a request counts against one of them."""
    _spend(limited_panel, 5, "/health", key=None)
    _spend(limited_panel, 8, "/roles")
    got_through = [
        (method, path, headers)
        for method, path, headers in WAYS_AROUND
        if limited_panel.request(method, path, headers=headers).status_code != 429
    ]
    assert got_through == []


def test_head_and_get_share_a_limit(limited_panel: Panel) -> None:
    limited_panel.get("/roles")
    assert _budget(limited_panel.request("HEAD", "/roles")) == (8, 6)


def test_reads_that_are_not_modified_are_counted_too(limited_panel: Panel) -> None:
    etag = limited_panel.get("/templates/hello").headers["etag"]
    unchanged = limited_panel.get("/templates/hello", headers={"If-None-Match": etag})
    assert (unchanged.status_code, _budget(unchanged)) == (304, (8, 6))


def test_every_operation_counts_against_its_documented_tier(panel: Panel) -> None:
    made, bodies, charged = create_targets(panel), json_options(panel), {}
    hit = panel.ports.counter.hit
    panel.ports.counter.hit = lambda bucket, limit: (  # type: ignore[method-assign]
        buckets.append(bucket.partition(":")[0]),
        hit(bucket, limit),
    )[1]
    for operation in sorted(OPERATIONS, key=lambda one: one.method == "DELETE"):
        buckets: list[str] = []
        made.send(panel, operation, **bodies[operation.operation_id])
        charged[operation.operation_id] = buckets
    tiers = {"default": ["address"], "authenticated": ["key"], "deploy": ["key", "deploy"], "logout": ["logout"]}
    expected = {one.operation_id: tiers[one.raw["x-rate-tier"]] for one in OPERATIONS}
    assert charged == {**expected, "receive_deploy_hook": ["address", "deploy"]}, "the hook has a budget of its own"
    assert {name for name, buckets in charged.items() if buckets[0] in ("address", "logout")} == PUBLIC


def test_an_exceeded_limit_refuses_every_operation(limited_panel: Panel) -> None:
    for operation in (one for one in OPERATIONS if one.operation_id not in PUBLIC):
        key = limited_panel.key("admin", rate_limit_rpm=1)
        assert _spend(limited_panel, 1, "/roles", key=key) == [200]
        assert Targets().send(limited_panel, operation, key=key, with_worker=False).status_code == 429, (
            operation.operation_id
        )


def test_a_key_can_read_its_limits(limited_panel: Panel) -> None:
    assert limited_panel.get("/auth/me").json()["rate_limits"] == {"authenticated": 8, "deploy": 3}
    own = limited_panel.key("viewer", rate_limit_rpm=77)
    assert limited_panel.get("/auth/me", key=own).json()["rate_limits"] == {"authenticated": 77, "deploy": 3}
