"""Browser sessions over HTTP: the cookie, the origins that can use it, and the ways to end a session."""

import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import Unavailable
from domain.identity.authenticator import Authenticator
from domain.settings import Settings
from handlers.edge import cookies
from handlers.openapi31.operations import Operation
from tests import conformance
from tests.calls import OPERATIONS, PUBLIC, Targets, body, create_targets, error, tables
from tests.http_server import serve_http
from tests.panel import ORIGIN, Panel, start_panel

WRITES = [
    operation
    for operation in OPERATIONS
    if operation.method != "GET" and operation.operation_id not in PUBLIC | {"create_session"}
]
READS = [operation for operation in OPERATIONS if operation.method == "GET" and operation.security]
BY_NAME = pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.operation_id)
FOREIGN: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": f"{ORIGIN}.evil.example"},
    {"Origin": f"{ORIGIN}:8081"},
    {"Origin": f"{ORIGIN}, https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Referer": f"{ORIGIN}/api/docs"},
    {"X-Requested-With": "XMLHttpRequest"},
]


def _cookie(browser: dict[str, str]) -> dict[str, str]:
    return {"Cookie": browser["Cookie"]}


def _request_with(panel: Panel, browser: dict[str, str], path: str = "/auth/me", method: str = "GET") -> httpx.Response:
    return panel.request(method, path, key=None, headers=browser)


def _is_logged_in(panel: Panel, browser: dict[str, str]) -> bool:
    response = _request_with(panel, browser)
    assert response.status_code in {200, 401}, response.text
    return response.status_code == 200


def _send_raw(panel: Panel, method: str, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
    response: httpx.Response = panel.portal.call(panel._send, method, path, headers, {})  # type: ignore[arg-type]
    conformance.check_response(method, response)
    return response


# ── The cookie ───────────────────────────────────────────────────────────────────────────────────


def test_create_session_sets_a_cookie_that_scripts_and_other_sites_cannot_read(panel: Panel) -> None:
    made = panel.post("/auth/sessions", headers={"User-Agent": "Firefox"})
    form = r"session=[A-Za-z0-9_-]{43}; Path=/api; Max-Age=43200; HttpOnly; SameSite=Lax"
    (cookie,) = made.headers.get_list("set-cookie")
    assert re.fullmatch(form, cookie)
    assert made.headers["cache-control"] == "no-store"
    shown = made.json()
    assert cookie.partition(";")[0].partition("=")[2] not in made.text
    me = panel.get("/auth/me").json()
    assert (shown["user_id"], shown["device"], shown["ip"]) == (me["id"], "Firefox", "127.0.0.1")
    assert (shown["current"], shown["created_at"]) == (False, shown["last_seen_at"])
    lives = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["created_at"])
    assert lives.total_seconds() == 12 * 3600


def test_the_cookie_is_secure_if_the_public_url_is_https(tmp_path: Path) -> None:
    with start_panel(tmp_path, public_url="https://panel.example.com") as panel:
        assert panel.post("/auth/sessions").headers["set-cookie"].endswith("; SameSite=Lax; Secure")
        assert panel.post("/auth/logout").headers["set-cookie"].endswith("; SameSite=Lax; Secure")
    assert cookies.expired_cookie(Settings(public_url="HTTPS://panel.example.com")).endswith("; Secure")


def test_a_cookie_expires_no_later_than_its_key(panel: Panel) -> None:
    ends = {"name": "brief", "role": "viewer", "expiresAt": "2099-01-01T00:00:00Z"}
    key = panel.post("/v1/api-keys", ends).json()["key"]
    with panel.ports.store.begin() as work:
        row = work.api_keys.by_prefix(key[:12])
        assert row
        row.expires_at = panel.ports.clock.now().replace(microsecond=0)
        row.expires_at = row.expires_at.fromtimestamp(row.expires_at.timestamp() + 100, row.expires_at.tzinfo)
        work.api_keys.save(row)
    made = panel.post("/auth/sessions", key=key)
    (seconds,) = re.findall(r"Max-Age=(\d+)", made.headers["set-cookie"])
    assert 90 <= int(seconds) <= 100
    assert datetime.fromisoformat(made.json()["expires_at"]) == row.expires_at


def test_a_session_can_do_what_its_key_can(panel: Panel) -> None:
    key = panel.key("customer", "cust_a", denied_permissions=("env.reveal",), rate_limit_rpm=77)
    browser = panel.session(key)
    answered = _request_with(panel, browser)
    assert answered.json() == panel.get("/auth/me", key=key).json()
    assert answered.headers["x-ratelimit-limit"] == "77"
    service = panel.service(key=key)
    assert _request_with(panel, browser, f"/services/{service['id']}").json()["id"] == service["id"]
    stopped = _request_with(panel, browser, f"/services/{service['id']}/stop", "POST")
    assert (stopped.status_code, stopped.json()["actor_id"]) == (202, answered.json()["id"])
    assert _request_with(panel, browser, f"/services/{service['id']}/env/reveal", "POST").status_code == 403


def test_a_session_and_its_key_share_one_budget(panel: Panel) -> None:
    key = panel.key("viewer", rate_limit_rpm=3)
    browser = panel.session(key)
    left = [
        one.headers["x-ratelimit-remaining"] for one in (_request_with(panel, browser), panel.get("/roles", key=key))
    ]
    assert left == ["1", "0"]
    assert _request_with(panel, browser).status_code == 429


def test_a_session_cannot_create_a_session(panel: Panel) -> None:
    refused = _request_with(panel, panel.session(), "/auth/sessions", "POST")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


def test_a_session_id_chosen_by_the_client_is_never_used(panel: Panel) -> None:
    made_up = "A" * 43
    fixed = {"Cookie": f"session={made_up}", "Origin": ORIGIN}
    assert not _is_logged_in(panel, fixed)
    made = panel.post("/auth/sessions", headers=fixed)
    assert made.status_code == 201
    assert made_up not in made.headers["set-cookie"]
    assert not _is_logged_in(panel, fixed)


def test_a_new_session_is_unique_and_ends_no_other(panel: Panel) -> None:
    one, two = panel.session(), panel.session()
    assert one["Cookie"] != two["Cookie"]
    assert _is_logged_in(panel, one)
    assert _is_logged_in(panel, two)


def test_a_repeated_request_for_a_session_gets_the_same_one(panel: Panel) -> None:
    again = {"Idempotency-Key": "k"}
    one, two = panel.session(**again), panel.session(**again)
    assert one == two
    assert _is_logged_in(panel, two)
    assert panel.get("/auth/sessions").json()["total"] == 1


# ── Which credentials count ──────────────────────────────────────────────────────────────────────


def test_an_authorization_header_takes_precedence_over_the_cookie(panel: Panel) -> None:
    browser, other = panel.session(), panel.key("viewer")
    assert panel.get("/auth/me", key=other, headers=browser).json()["role"] == "viewer"
    for value in ("Bearer wrong", "Bearer", "Basic YTpi", f"Basic {panel.admin}", panel.admin, ""):
        refused = _request_with(panel, {**browser, "Authorization": value})
        assert refused.status_code == 401, value


def test_a_valid_key_is_accepted_despite_an_invalid_cookie(panel: Panel) -> None:
    for cookie in ("session=bad", "session=", "session=a; session=b"):
        assert panel.get("/auth/me", headers={"Cookie": cookie}).status_code == 200


def test_every_invalid_cookie_gets_the_response_of_an_invalid_key(panel: Panel) -> None:
    browser = panel.session()
    text = browser["Cookie"].partition("=")[2]
    expected = error(panel.get("/auth/me", key="wrong"))
    for cookie in (
        "session=",
        f"session={text[:-1]}",
        f"session={text}x",
        f'session="{text}"',
        f"session={text.swapcase()}",
        f"session={panel.admin}",
        f"session={text}; session={text}",
        f"session={text}; session=other",
        f"session=other; session={text}",
        f"Session={text}",
        f"xsession={text}",
        f"session[]={text}",
        f"session {text}",
    ):
        refused = _request_with(panel, {"Cookie": cookie})
        assert (refused.status_code, error(refused)) == (401, expected), cookie
        assert refused.headers["www-authenticate"] == "Bearer"


def test_two_session_cookies_are_refused_also_in_two_headers(panel: Panel) -> None:
    cookie = panel.session()["Cookie"]
    assert _send_raw(panel, "GET", "/api/auth/me", [("Cookie", cookie), ("Cookie", "theme=dark")]).status_code == 200
    assert _send_raw(panel, "GET", "/api/auth/me", [("Cookie", cookie), ("Cookie", cookie)]).status_code == 401


def test_other_cookies_are_ignored(panel: Panel) -> None:
    cookie = panel.session()["Cookie"]
    for sent in (f"a=b; {cookie}", f"{cookie}; a=session=x", f"{cookie};a=b", f"sessions=1; {cookie}; session"):
        assert _is_logged_in(panel, {"Cookie": sent}), sent


def test_an_unavailable_database_returns_503_and_not_401(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("The database does not answer", code="database_unavailable")

    browser = panel.session()
    monkeypatch.setattr(Authenticator, "by_session", away)
    refused = _request_with(panel, browser)
    assert (refused.status_code, error(refused)["code"]) == (503, "database_unavailable")


def test_an_expired_cookie_does_not_block_public_operations(panel: Panel) -> None:
    for path in ("/openapi.yaml", "/docs", "/health"):
        for cookie in ("session=dead", "session=dead; session=gone"):
            assert _request_with(panel, {"Cookie": cookie}, path).status_code == 200, path


def test_a_wrong_key_returns_401_from_operations_with_optional_credentials(panel: Panel) -> None:
    wrong = {"Authorization": "Bearer aap_wrong", **panel.session()}
    assert _request_with(panel, wrong, "/health").status_code == 401


def test_a_cookie_can_read_everything_that_its_key_can_read(panel: Panel) -> None:
    made, cookie = create_targets(panel), _cookie(panel.session())
    for operation in READS:
        for headers in (cookie, {**cookie, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}):
            answered = made.send(panel, operation, key=None, headers=headers)
            assert answered.status_code == made.send(panel, operation).status_code, operation.operation_id


def test_a_key_or_a_ticket_in_the_query_is_accepted_only_by_the_websocket(panel: Panel) -> None:
    made = create_targets(panel)
    for operation in (one for one in OPERATIONS if one.security and {} not in one.security):
        for name, value in (("api_key", panel.admin), ("ticket", panel.post("/ws/tickets").json()["ticket"])):
            answered = made.send(panel, operation, query=f"{name}={value}", key=None, with_worker=False)
            expected = 426 if operation.operation_id == "connect_websocket" else 401
            assert answered.status_code == expected, f"{operation.operation_id}?{name}"
            assert value not in answered.text


# ── Pages of other sites ─────────────────────────────────────────────────────────────────────────


@BY_NAME
def test_a_page_of_another_origin_cannot_change_anything_with_the_cookie(panel: Panel, operation: Operation) -> None:
    made, cookie, example = create_targets(panel), _cookie(panel.session()), body(operation, panel)
    content = {"json": example} if example is not None else {}
    before = _without_use(panel)
    for headers in FOREIGN:
        refused = made.send(panel, operation, key=None, headers={**headers, **cookie}, with_worker=False, **content)
        assert (refused.status_code, error(refused)["code"]) == (403, "cross_site"), headers
    assert _without_use(panel) == before


@BY_NAME
def test_a_page_of_the_panels_origin_can_do_what_the_key_can(panel: Panel, operation: Operation) -> None:
    for own in ({"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}):
        made, browser = create_targets(panel), {**_cookie(panel.session()), **own}
        answered = made.send(panel, operation, key=None, headers=browser)
        assert answered.is_success or answered.status_code == 409, f"{own}: {answered.text}"


def _without_use(panel: Panel) -> dict[str, list[str]]:
    return {name: rows for name, rows in tables(panel).items() if name not in {"api_keys", "sessions"}} | {
        "ids": sorted(
            re.findall(r"(?:key|ses)_[0-9a-z]{26}", str(tables(panel)["api_keys"] + tables(panel)["sessions"]))
        )
    }


def test_the_public_url_is_the_panels_origin_with_any_host_header(tmp_path: Path) -> None:
    with start_panel(tmp_path, public_url="https://panel.example.com") as panel:
        cookie = _cookie(panel.session())
        for origin, status in (
            ("https://panel.example.com", 200),
            (ORIGIN, 200),
            ("http://panel.example.com", 403),
            ("https://evil.example", 403),
        ):
            headers = {**cookie, "Origin": origin}
            assert _request_with(panel, headers, "/services/validate", "POST").status_code in {status, 400}
            answered = panel.post("/services/validate", {"compose": "x"}, key=None, headers=headers)
            assert answered.status_code == status, origin


def test_two_origin_or_host_headers_are_refused(panel: Panel) -> None:
    cookie = ("Cookie", panel.session()["Cookie"])
    own, other = ("Origin", ORIGIN), ("Origin", "https://evil.example")
    path = "/api/auth/sessions"
    for headers in ([cookie, own, own], [cookie, own, other], [cookie, other, own]):
        assert _send_raw(panel, "DELETE", path, headers).status_code == 403
    assert _send_raw(panel, "DELETE", path, [cookie, own]).status_code == 204


def test_requests_with_a_key_need_no_origin(panel: Panel) -> None:
    for headers in FOREIGN:
        assert panel.post("/services/validate", {"compose": "x"}, headers=headers).status_code == 200


def test_an_invalid_cookie_is_reported_before_the_origin_is_checked(panel: Panel) -> None:
    refused = _request_with(panel, {"Cookie": "session=made-up"}, "/auth/logout", "POST")
    assert (refused.status_code, error(refused)["code"]) == (401, "unauthenticated")


def test_logging_out_by_a_link_does_not_work(panel: Panel) -> None:
    browser = panel.session()
    assert _request_with(panel, browser, "/auth/logout").status_code == 405
    assert _is_logged_in(panel, browser)


# ── Ending ───────────────────────────────────────────────────────────────────────────────────────


def test_logout_ends_the_session_and_removes_the_cookie(panel: Panel) -> None:
    browser, other = panel.session(), panel.session()
    session_id = next(
        item["id"] for item in _request_with(panel, browser, "/auth/sessions").json()["data"] if item["current"]
    )
    ended = _request_with(panel, browser, "/auth/logout", "POST")
    assert (ended.status_code, ended.json()) == (200, {"session_id": session_id, "provider_session_ended": None})
    assert ended.headers["set-cookie"] == "session=; Path=/api; Max-Age=0; HttpOnly; SameSite=Lax"
    assert not _is_logged_in(panel, browser)
    assert _is_logged_in(panel, other)


def test_one_idempotency_key_of_two_sessions_ends_both(panel: Panel) -> None:
    """Two sessions are two callers, even with one API key."""
    for browser in (panel.session(), panel.session()):
        again = {**browser, "Idempotency-Key": "the-same"}
        ended = panel.request("POST", "/auth/logout", key=None, headers=again)
        assert (ended.status_code, ended.json()["session_id"] is not None) == (200, True)
        assert not _is_logged_in(panel, browser)


def test_logout_with_a_key_ends_nothing(panel: Panel) -> None:
    browser = panel.session()
    ended = panel.post("/auth/logout")
    assert (ended.status_code, ended.json()) == (200, {"session_id": None, "provider_session_ended": None})
    assert _is_logged_in(panel, browser)
    assert panel.get("/auth/me").status_code == 200


def test_logout_with_a_key_and_a_cookie_ends_nothing(panel: Panel) -> None:
    browser = panel.session()
    assert panel.post("/auth/logout", headers=browser).json() == {"session_id": None, "provider_session_ended": None}
    assert _is_logged_in(panel, browser)


def test_revoke_other_sessions_keeps_the_session_of_the_request(panel: Panel) -> None:
    mine, others = panel.session(), [panel.session() for _ in range(3)]
    strangers = panel.session(panel.key("viewer"))
    assert _request_with(panel, mine, "/auth/sessions", "DELETE").status_code == 204
    assert [_is_logged_in(panel, one) for one in (mine, *others, strangers)] == [True, False, False, False, True]
    assert panel.request("DELETE", "/auth/sessions").status_code == 204
    assert not _is_logged_in(panel, mine)


def test_revoke_session_ends_the_named_session(panel: Panel) -> None:
    one, two = panel.session(), panel.session()
    listed = _request_with(panel, one, "/auth/sessions").json()["data"]
    (other,) = (each["id"] for each in listed if not each["current"])
    assert _request_with(panel, one, f"/auth/sessions/{other}", "DELETE").status_code == 204
    assert not _is_logged_in(panel, two)
    gone = _request_with(panel, one, f"/auth/sessions/{other}", "DELETE")
    assert (gone.status_code, error(gone)["message"]) == (404, "Session not found")


def test_a_viewer_lists_and_ends_its_own_sessions(panel: Panel) -> None:
    browser = panel.session(panel.key("viewer"))
    (mine,) = _request_with(panel, browser, "/auth/sessions").json()["data"]
    assert _request_with(panel, browser, f"/auth/sessions/{mine['id']}", "DELETE").status_code == 204
    assert not _is_logged_in(panel, browser)


def test_an_admin_sees_and_ends_the_sessions_of_others(panel: Panel) -> None:
    key = panel.key("customer", "cust_a")
    browser = panel.session(key, **{"User-Agent": "Firefox"})
    owner = panel.get("/auth/me", key=key).json()["id"]
    (listed,) = panel.get(f"/auth/sessions?user_id={owner}").json()["data"]
    assert (listed["user_id"], listed["device"], listed["current"]) == (owner, "Firefox", False)
    assert panel.get("/auth/sessions").json()["data"] == []
    assert panel.request("DELETE", f"/auth/sessions/{listed['id']}").status_code == 204
    assert not _is_logged_in(panel, browser)


def test_a_customer_sees_and_ends_only_its_own(panel: Panel) -> None:
    browser, other = panel.session(), panel.key("customer", "cust_a")
    (listed,) = _request_with(panel, browser, "/auth/sessions").json()["data"]
    empty = panel.get(f"/auth/sessions?user_id={listed['user_id']}", key=other).json()
    assert (empty["data"], empty["total"]) == ([], 0)
    real, unreal = (
        panel.request("DELETE", f"/auth/sessions/{session_id}", key=other)
        for session_id in (listed["id"], f"ses_{'0' * 26}")
    )
    assert real.status_code == unreal.status_code == 404
    assert real.text.replace(listed["id"], "")[:80] == unreal.text.replace(f"ses_{'0' * 26}", "")[:80]
    assert _is_logged_in(panel, browser)


def test_sessions_are_listed_with_their_last_use(panel: Panel) -> None:
    browser = panel.session()
    with serve_http(panel.app, panel.ports) as url:  # a real server writes uses down, at the latest when it stops
        httpx.get(f"{url}/api/auth/me", headers=browser)
    (listed,) = panel.get("/auth/sessions?sort=last_seen_at&order=asc").json()["data"]
    assert listed["last_seen_at"] > listed["created_at"]


KEY = "/v1/api-keys/{key_id}"
ENDS: dict[str, Callable[[Panel, str], Any]] = {
    "revoked": lambda panel, path: panel.request("DELETE", path),
    "rotated": lambda panel, path: panel.post(f"{path}/rotate"),
    "bound to another address": lambda panel, path: panel.patch(path, {"allowedIps": ["192.0.2.1"]}),
    "expired": lambda panel, path: _expire(panel, path.rpartition("/")[2]),
}


def _expire(panel: Panel, key_id: str) -> None:
    with panel.ports.store.begin() as work:
        row = work.api_keys.get(key_id)
        assert row
        row.expires_at = panel.ports.clock.now()
        work.api_keys.save(row)


@pytest.mark.parametrize("how", ENDS)
def test_the_end_of_a_key_ends_its_sessions(panel: Panel, how: str) -> None:
    key = panel.key("operator")
    browser = panel.session(key)
    assert _is_logged_in(panel, browser)
    ENDS[how](panel, KEY.format(key_id=panel.get("/auth/me", key=key).json()["id"]))
    assert not _is_logged_in(panel, browser)


def test_a_rotation_with_an_overlap_keeps_sessions_until_the_overlap_ends(panel: Panel) -> None:
    key = panel.key("operator")
    browser = panel.session(key)
    path = KEY.format(key_id=panel.get("/auth/me", key=key).json()["id"])
    panel.post(f"{path}/rotate", {"overlapSeconds": 3600})
    assert _is_logged_in(panel, browser)
    panel.post(f"{path}/rotate")
    assert not _is_logged_in(panel, browser)


def test_restricting_a_key_restricts_its_sessions(panel: Panel) -> None:
    key = panel.key("operator")
    browser = panel.session(key)
    path = KEY.format(key_id=panel.get("/auth/me", key=key).json()["id"])
    panel.patch(path, {"deniedPermissions": ["services.read"]})
    assert _request_with(panel, browser, "/services").status_code == 403
    panel.patch(path, {"deniedPermissions": [], "role": "viewer"})
    assert _request_with(panel, browser, "/services").status_code == 200
    assert _request_with(panel, browser).json()["role"] == "viewer"


def test_a_stream_ends_with_the_session_that_opened_it(panel: Panel) -> None:
    browser = panel.session()
    with serve_http(panel.app, panel.ports) as url:
        headers = {**browser, "Accept": "text/event-stream"}
        with httpx.stream("GET", f"{url}/api/events", headers=headers, timeout=30) as response:
            lines = response.iter_lines()
            assert next(lines) == ": listening"
            _request_with(panel, browser, "/auth/logout", "POST")
            panel.ports.notifier.notify()
            assert not [line for line in lines if line.startswith("event")]


# ── Tickets ──────────────────────────────────────────────────────────────────────────────────────


def test_create_ws_ticket_returns_the_url_to_connect_to(panel: Panel) -> None:
    service = panel.service()
    topics = [f"service:{service['id']}", f"logs:{service['id']}", f"deployment:{service['deployment_id']}"]
    made = panel.post("/ws/tickets", {"topics": topics})
    assert (made.status_code, made.json()["topics"]) == (201, topics)
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["url"] == f"ws://localhost:8080/api/ws?ticket={made.json()['ticket']}"


def test_a_ticket_without_topics_is_valid_for_all_topics(panel: Panel) -> None:
    for content in (None, {}):
        assert panel.post("/ws/tickets", content).json()["topics"] is None


@pytest.mark.parametrize(
    ("topics", "field"),
    [
        (["service:dep_1"], "topics.0"),
        (["service:*"], "topics.0"),
        (["*"], "topics.0"),
        ([""], "topics.0"),
        ([], "topics"),
        (["service:svc_1", "service:svc_1"], "topics"),
        (None, "topics"),
        ("service:svc_1", "topics"),
    ],
)
def test_invalid_topics_are_refused_by_field(panel: Panel, topics: object, field: str) -> None:
    refused = panel.post("/ws/tickets", {"topics": topics})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field])


def test_a_ticket_for_a_topic_of_nothing_returns_404_with_the_topic(panel: Panel) -> None:
    for topic in ("service:svc_nowhere", "operation:op_nowhere"):
        refused = panel.post("/ws/tickets", {"topics": [topic]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
        assert topic in refused.json()["error"]["details"]


def test_topics_of_another_tenant_are_refused_like_unknown_ones(panel: Panel) -> None:
    others, key = create_targets(panel, "cust_b"), panel.key("customer", "cust_a")
    real, unreal = (
        panel.post("/ws/tickets", {"topics": [f"service:{made.ids['service_id']}"]}, key=key)
        for made in (others, Targets())
    )
    told = [
        one.json()["error"]["details"].replace(made.ids["service_id"], "…")
        for one, made in ((real, others), (unreal, Targets()))
    ]
    assert told[0] == told[1]


def test_a_get_without_an_upgrade_returns_426_with_the_next_step(panel: Panel) -> None:
    for query in ("", "?after=7"):
        told = panel.get(f"/ws{query}")
        assert (told.status_code, error(told)["code"]) == (426, "upgrade_required")
        assert told.headers["upgrade"] == "websocket"
    assert panel.get("/ws", key=None).status_code == 401
    assert panel.get("/ws", key=panel.key("viewer", denied_permissions=("events.read",))).status_code == 403
    assert panel.get("/ws?after=-1").status_code == 400
    assert panel.get("/ws", key=None, headers=panel.session()).status_code == 426


def test_a_real_server_returns_426_too(panel: Panel) -> None:
    with (
        serve_http(panel.app, panel.ports) as url,
        httpx.Client(headers={"Authorization": f"Bearer {panel.admin}"}) as client,
    ):
        for told in (client.get(f"{url}/api/ws"), client.head(f"{url}/api/ws")):
            assert (told.status_code, told.headers["upgrade"], told.headers["connection"]) == (
                426,
                "websocket",
                "Upgrade",
            )
        assert client.get(f"{url}/api/auth/me").status_code == 200


def test_a_plain_get_consumes_the_ticket(panel: Panel) -> None:
    ticket = panel.post("/ws/tickets").json()["ticket"]
    statuses = [panel.get(f"/ws?ticket={ticket}", key=None).status_code for _ in range(2)]
    assert statuses == [426, 401]


@pytest.mark.parametrize(
    "query", ["ticket=", "api_key=", "ticket=x&ticket=y", "api_key={key}&api_key={key}", "key={key}"]
)
def test_a_wrong_credential_in_the_query_is_refused(panel: Panel, query: str) -> None:
    refused = panel.get(f"/ws?{query.format(key=panel.admin)}", key=None)
    assert refused.status_code == 401
    assert panel.admin not in refused.text


# ── Secrecy ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def log_text(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Return all log records of the panel, from level DEBUG. Those of the test client are left out."""
    with caplog.at_level(logging.DEBUG):
        yield lambda: str(
            [vars(record) for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
        )


def test_cookies_and_tickets_are_neither_stored_nor_logged(panel: Panel, log_text: Callable[[], str]) -> None:
    made = [panel.session(), panel.session(**{"Idempotency-Key": "k"})]
    tickets = [panel.post("/ws/tickets", headers=headers).json() for headers in ({}, {"Idempotency-Key": "t"})]
    secrets = [browser["Cookie"].partition("=")[2] for browser in made] + [ticket["ticket"] for ticket in tickets]
    for browser in made:
        _request_with(panel, browser, "/auth/logout", "POST")
    for ticket in tickets:
        panel.get(f"/ws?ticket={ticket['ticket']}", key=None)
    folder = panel.ports.settings.data_dir
    stored = b"".join(file.read_bytes() for file in folder.iterdir() if file.name.startswith("panel.db"))
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret not in log_text()


def test_lists_and_errors_repeat_no_cookie(panel: Panel) -> None:
    browser = panel.session()
    text = browser["Cookie"].partition("=")[2]
    for path in ("/auth/sessions", "/auth/me", "/nowhere", "/services?page=0", "/services/svc_0"):
        assert text not in _request_with(panel, browser, path).text + str(_request_with(panel, browser, path).headers)
