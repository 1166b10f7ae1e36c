"""Login at the identity provider, over HTTP, with the provider in memory."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest

from domain.adapters import memory
from domain.adapters.memory.identity_provider import new_key
from domain.model.role import Role
from domain.model.user import User
from domain.ports.identity_provider import Account
from handlers.server import MAX_BODY
from tests.calls import error
from tests.panel import ORIGIN, Panel, start_panel

CALLBACK = "/auth/callback"
LOGOUT = "/auth/backchannel-logout"


@dataclass
class Login:
    """A panel, its identity provider, and a browser's way through both."""

    panel: Panel
    provider: memory.IdentityProvider

    def start(self, redirect: str | None = None) -> tuple[str, dict[str, str]]:
        """Return the login URL, and the headers with the browser's cookie."""
        query = f"?{urlencode({'redirect': redirect})}" if redirect is not None else ""
        started = self.panel.get(f"/auth/login{query}", key=None)
        assert started.status_code == 302, started.text
        return started.headers["location"], {"Cookie": started.headers["set-cookie"].partition(";")[0]}

    def come_back(self, login_url: str, email: str = "ada@example.test") -> str:
        """Log in at the provider; return the query of the callback."""
        return urlsplit(self.provider.log_in(login_url, email)).query

    def finish(self, query: str, headers: dict[str, str]) -> httpx.Response:
        return self.panel.get(f"{CALLBACK}?{query}", key=None, headers=headers)

    def log_in(self, email: str = "ada@example.test", redirect: str | None = None) -> httpx.Response:
        url, headers = self.start(redirect)
        return self.finish(self.come_back(url, email), headers)

    def session(self, email: str = "ada@example.test") -> dict[str, str]:
        """Return the headers of a browser that has logged in."""
        finished = self.log_in(email)
        assert finished.status_code == 302, finished.text
        return {"Cookie": finished.headers["set-cookie"].partition(";")[0], "Origin": ORIGIN}

    def me(self, headers: dict[str, str]) -> httpx.Response:
        return self.panel.get("/auth/me", key=None, headers=headers)

    def forge(self, **claims: Any) -> httpx.Response:
        """Finish a login whose ID token has other claims; None removes one."""
        url, headers = self.start()
        query = self.come_back(url)
        sign, provider = self.provider.sign, self.provider

        def forged(original: dict[str, Any]) -> str:
            changed = {name: value for name, value in {**original, **claims}.items() if value is not None}
            return sign(changed)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(provider, "sign", forged)
            return self.finish(query, headers)

    def sid(self) -> str:
        """Return the provider's ID of the newest login."""
        return list(self.provider._state.sessions)[-1]

    def send_logout(self, token: str) -> httpx.Response:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.panel.post(LOGOUT, key=None, content=urlencode({"logout_token": token}), headers=form)

    def users(self) -> list[User]:
        with self.panel.ports.store.read() as work:
            found = [work.users.by_subject(subject) for subject in self.provider._state.accounts]
        return [user for user in found if user]


@pytest.fixture
def login(panel: Panel) -> Login:
    provider = panel.ports.identity_provider
    assert isinstance(provider, memory.IdentityProvider)
    provider.create_account(Account("", "ada@example.test", "Ada Admin", Role.ADMIN))
    provider.create_account(Account("usr_carl", "carl@example.test", "Carl", Role.CUSTOMER, "cust_acme"))
    return Login(panel, provider)


# ── A login ──────────────────────────────────────────────────────────────────────────────────────────


def test_start_login_sends_the_browser_to_the_provider_with_pkce_state_and_nonce(login: Login) -> None:
    started = login.panel.get("/auth/login", key=None)
    query = dict(parse_qsl(urlsplit(started.headers["location"]).query))
    assert started.headers["location"].startswith(login.provider.issuer)
    assert query["redirect_uri"] == f"{login.panel.ports.settings.url}/api/auth/callback"
    assert all(len(query[name]) == 43 for name in ("state", "nonce", "code_challenge"))
    assert started.headers["cache-control"] == "no-store"
    cookie = started.headers["set-cookie"]
    assert "; Path=/api/auth/callback; Max-Age=600; HttpOnly; SameSite=Lax" in cookie
    assert not any(query[name] in cookie for name in ("state", "nonce", "code_challenge"))


def test_finish_login_creates_a_user_and_a_session(login: Login) -> None:
    finished = login.log_in("carl@example.test")
    assert (finished.status_code, finished.headers["location"]) == (302, "/")
    set_cookies = finished.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in set_cookies] == ["session", "login"]
    assert "Max-Age=43200" in set_cookies[0]
    assert set_cookies[1].startswith("login=; Path=/api/auth/callback; Max-Age=0")
    me = login.me({"Cookie": set_cookies[0].partition(";")[0]}).json()
    assert me["id"].startswith("usr_")
    assert (me["email"], me["name"], me["role"]) == ("carl@example.test", "Carl", "customer")
    assert me["customer_id"] == "cust_acme"


def test_another_login_of_a_person_is_another_session_of_the_same_user(login: Login) -> None:
    first, second = login.session(), login.session()
    assert first["Cookie"] != second["Cookie"]
    assert login.me(first).json()["id"] == login.me(second).json()["id"]
    assert len(login.users()) == 1


def test_a_login_does_not_take_over_a_session_that_the_browser_brings_along(login: Login) -> None:
    planted = login.panel.session(login.panel.key("viewer"))
    url, headers = login.start()
    finished = login.finish(login.come_back(url), {"Cookie": f"{planted['Cookie']}; {headers['Cookie']}"})
    cookie = finished.headers["set-cookie"].partition(";")[0]
    assert cookie != planted["Cookie"]
    assert login.me({"Cookie": cookie}).json()["role"] == "admin"
    assert login.me(planted).json()["role"] == "viewer"


def test_role_and_customer_follow_the_provider_at_each_login(login: Login) -> None:
    earlier = login.session("carl@example.test")
    subject = next(key for key, account in login.provider._state.accounts.items() if account.name == "Carl")
    login.provider.update_account(subject, Account("usr_carl", "carl@example.test", "Carla", Role.VIEWER, "cust_other"))
    later = login.me(login.session("carl@example.test")).json()
    assert (later["name"], later["role"], later["customer_id"]) == ("Carla", "viewer", "cust_other")
    assert login.me(earlier).json()["role"] == "viewer"


def test_an_email_address_joins_no_user(login: Login) -> None:
    mine = login.me(login.session()).json()
    subject = next(key for key, account in login.provider._state.accounts.items() if account.name == "Ada Admin")
    login.provider.delete_account(subject)
    login.provider.create_account(Account("usr_new", "ada@example.test", "Not Ada", Role.VIEWER))
    other = login.me(login.session()).json()
    assert other["email"] == mine["email"]
    assert other["id"] != mine["id"]
    assert other["role"] == "viewer"


# ── Where a login ends ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "redirect", ["/", "/services", "/services/svc_1?tab=logs&next=//x#top", "/a-b/c.d/~e", "/?q=https://elsewhere"]
)
def test_a_path_of_the_panel_is_where_a_login_ends(login: Login, redirect: str) -> None:
    assert login.log_in(redirect=redirect).headers["location"] == redirect


@pytest.mark.parametrize(
    "redirect",
    [
        "",
        "services",
        "https://evil.example",
        "HTTPS://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5cevil.example",
        "/%255cevil.example",
        "/%2fevil.example",
        "/%2Fevil.example",
        "/%252fevil.example",
        "/services//evil.example",
        "/./evil.example",
        "/..//evil.example",
        "/%2e%2e/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%09/evil.example",
        "/services\r\nSet-Cookie: session=x",
        "/services%0d%0aSet-Cookie:%20session=x",
        "/ä",
        "javascript:alert(1)",
        "/api/auth/login",
        "/api/auth/callback?code=x",
        "/" + "a" * 1000,
    ],
)
def test_anything_else_ends_at_the_first_page(login: Login, redirect: str) -> None:
    finished = login.log_in(redirect=redirect)
    assert (finished.status_code, finished.headers["location"]) == (302, "/")


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────


def assert_refused(login: Login, response: httpx.Response, status: int = 400, code: str = "invalid_token") -> None:
    assert (response.status_code, error(response)["code"]) == (status, code), response.text
    assert "set-cookie" not in response.headers
    assert login.users() == []


def test_a_callback_without_a_started_login_is_refused(login: Login) -> None:
    url, headers = login.start()
    query = login.come_back(url)
    for wrong in ({}, {"Cookie": "login="}, {"Cookie": "login=x"}, {"Cookie": "login=" + "A" * 200}):
        assert_refused(login, login.finish(query, wrong))
    twice = {"Cookie": f"{headers['Cookie']}; {headers['Cookie']}"}
    assert_refused(login, login.finish(query, twice))


def test_a_callback_of_another_login_is_refused(login: Login) -> None:
    (attackers, _), (_, mine) = login.start(), login.start()
    assert_refused(login, login.finish(login.come_back(attackers), mine))


@pytest.mark.parametrize("change", [{"state": ""}, {"state": "x" * 43}, {"code": ""}, {"code": "x"}])
def test_a_callback_with_another_state_or_code_is_refused(login: Login, change: dict[str, str]) -> None:
    url, headers = login.start()
    query = dict(parse_qsl(login.come_back(url)))
    assert_refused(login, login.finish(urlencode(query | change), headers))


def test_the_code_of_another_login_is_refused(login: Login) -> None:
    (mine, headers), (others, _) = login.start(), login.start()
    query, injected = dict(parse_qsl(login.come_back(mine))), dict(parse_qsl(login.come_back(others)))
    assert_refused(login, login.finish(urlencode(query | {"code": injected["code"]}), headers))


def test_a_login_that_was_cancelled_is_refused(login: Login) -> None:
    url, headers = login.start()
    state = parse_qs(urlsplit(url).query)["state"][0]
    assert_refused(login, login.finish(urlencode({"state": state, "error": "access_denied"}), headers))


def test_a_callback_can_be_used_once(login: Login) -> None:
    url, headers = login.start()
    query = login.come_back(url)
    with ThreadPoolExecutor(4) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: login.finish(query, headers), range(4))]
    assert sorted(statuses) == [302, 400, 400, 400]


def test_a_state_can_be_used_once(login: Login) -> None:
    url, headers = login.start()
    assert login.finish(login.come_back(url), headers).status_code == 302
    again = login.finish(login.come_back(url), headers)
    assert (again.status_code, error(again)["code"]) == (400, "invalid_token")


def test_a_login_must_be_finished_in_ten_minutes(tmp_path: Path) -> None:
    clock = memory.Clock()
    with start_panel(tmp_path, adapters={"clock": clock}) as panel:
        provider = panel.ports.identity_provider
        assert isinstance(provider, memory.IdentityProvider)
        provider.create_account(Account("", "ada@example.test", "Ada Admin", Role.ADMIN))
        login = Login(panel, provider)
        url, headers = login.start()
        clock.sleep(601)
        assert_refused(login, login.finish(login.come_back(url), headers))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.example/realms/other"},
        {"aud": "another"},
        {"aud": ["another", "account"]},
        {"azp": "another"},
        {"aud": ["ai-admin-panel", "another"], "azp": "another"},
        {"nonce": None},
        {"nonce": "another"},
        {"typ": "Bearer"},
        {"typ": "Logout"},
        {"exp": 1},
        {"exp": None},
        {"iat": int(time.time()) + 86400},
        {"iat": None},
        {"sub": None},
    ],
    ids=lambda claims: "-".join(f"{name}-{type(value).__name__}" for name, value in claims.items()),
)
def test_an_id_token_with_a_wrong_claim_is_refused(login: Login, claims: dict[str, Any]) -> None:
    assert_refused(login, login.forge(**claims))


def test_an_id_token_of_another_key_is_refused(login: Login) -> None:
    url, headers = login.start()
    query = login.come_back(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(login.provider, "key", new_key("second"))
        patch.setattr(
            login.provider, "published_keys", lambda: {"keys": [new_key("first").export_public(as_dict=True)]}
        )
        patch.setattr(login.provider, "_keys", type(login.provider._keys)(login.provider.published_keys))
        assert_refused(login, login.finish(query, headers))


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": []},
        {"roles": None},
        {"roles": "admin"},
        {"roles": ["Admin", "offline_access", "administrator"]},
        {"roles": ["customer"]},
        {"roles": ["customer"], "customer_id": []},
        {"roles": ["customer"], "customer_id": ["cust_a", "cust_b"]},
        {"roles": ["admin"], "customer_id": ["cust_a", "cust_b"]},
        {"roles": ["admin"], "customer_id": ["*"]},
        {"roles": ["admin"], "customer_id": ["cust_A' OR 1=1"]},
        {"roles": ["admin"], "customer_id": {"cust_a": 1}},
    ],
    ids=str,
)
def test_a_person_without_a_role_or_with_an_unclear_customer_is_refused(login: Login, claims: dict[str, Any]) -> None:
    assert_refused(login, login.forge(**claims), 403, "login_refused")


def test_of_several_roles_the_highest_counts(login: Login) -> None:
    finished = login.forge(roles=["viewer", "operator", "offline_access", "customer"])
    assert login.me({"Cookie": finished.headers["set-cookie"].partition(";")[0]}).json()["role"] == "operator"


def test_a_name_is_cut_and_printable(login: Login) -> None:
    finished = login.forge(name="A\u202eda\r\n" + "x" * 1000, email=7)
    me = login.me({"Cookie": finished.headers["set-cookie"].partition(";")[0]}).json()
    assert me["name"].startswith("Adax")
    assert len(me["name"]) <= 200
    assert me["email"] == ""


def test_a_disabled_user_cannot_log_in(login: Login) -> None:
    headers = login.session()
    (user,) = login.users()
    with login.panel.ports.store.begin() as work:
        work.users.save(replace(user, enabled=False))
    refused = login.log_in()
    assert (refused.status_code, error(refused)["code"]) == (403, "login_refused")
    assert login.me(headers).status_code == 401


def test_a_token_of_the_provider_is_no_credential_of_the_panel(login: Login) -> None:
    login.session()
    token = login.provider.sign({**login.provider.id_claims(login.sid()), "nonce": "x"})
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"session={token}"}):
        assert login.me(headers).status_code == 401


# ── Logout ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
def test_logout_ends_the_login_at_the_provider_too(login: Login, headers: dict[str, str]) -> None:
    session = login.session()
    assert login.provider.has_session(login.sid())
    sid = login.sid()
    ended = login.panel.post("/auth/logout", key=None, headers={**session, **headers})
    assert ended.json()["provider_session_ended"] is True
    assert not login.provider.has_session(sid)
    assert login.me(session).status_code == 401


def test_logout_works_while_the_provider_is_away_and_says_so(login: Login) -> None:
    session = login.session()
    login.provider.available = False
    assert login.me(session).status_code == 200
    assert login.panel.post("/auth/logout", key=None, headers=session).json()["provider_session_ended"] is False
    assert login.me(session).status_code == 401


def test_a_logout_token_ends_the_sessions_of_its_login_alone(login: Login) -> None:
    first = login.session()
    sid = login.sid()
    second, other = login.session(), login.session("carl@example.test")
    token = login.provider.sign(login.provider.logout_claims(sid))
    answered = login.send_logout(token)
    assert (answered.status_code, answered.content) == (200, b"")
    assert answered.headers["cache-control"] == "no-store"
    assert [login.me(headers).status_code for headers in (first, second, other)] == [401, 200, 200]


def test_a_logout_token_without_a_login_ends_all_sessions_of_the_person(login: Login) -> None:
    first, second, other = login.session(), login.session(), login.session("carl@example.test")
    subject = login.users()[0].subject
    claims = login.provider.logout_claims(login.sid()) | {"sub": subject}
    del claims["sid"]
    assert login.send_logout(login.provider.sign(claims)).status_code == 200
    assert [login.me(headers).status_code for headers in (first, second, other)] == [401, 401, 200]


def test_a_logout_token_can_be_used_once(login: Login) -> None:
    login.session()
    token = login.provider.sign(login.provider.logout_claims(login.sid()))
    assert [login.send_logout(token).status_code for _ in range(2)] == [200, 400]


@pytest.mark.parametrize(
    "claims",
    [
        {"events": None},
        {"events": {}},
        {"events": []},
        {"events": "http://schemas.openid.net/event/backchannel-logout"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": None}},
        {"nonce": "nonce"},
        {"jti": None},
        {"sub": None, "sid": None},
        {"aud": "another"},
        {"iss": "https://elsewhere"},
        {"exp": 1},
        {"iat": int(time.time()) + 86400},
    ],
    ids=lambda claims: "-".join(f"{name}-{type(value).__name__}" for name, value in claims.items()),
)
def test_a_token_that_is_no_logout_token_ends_nothing(login: Login, claims: dict[str, Any]) -> None:
    session = login.session()
    changed = {**login.provider.logout_claims(login.sid()), **claims}
    token = login.provider.sign({name: value for name, value in changed.items() if value is not None})
    refused = login.send_logout(token)
    assert (refused.status_code, error(refused)["code"]) == (400, "invalid_token")
    assert login.me(session).status_code == 200


def test_an_id_token_is_no_logout_token(login: Login) -> None:
    session = login.session()
    assert login.send_logout(login.provider.sign(login.provider.id_claims(login.sid()))).status_code == 400
    assert login.me(session).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("logout_token=a&logout_token=b", 400),
        ("logout_token=%ff", 400),
        ("logout_token", 400),
        ("ä", 400),
        ("logout_token=", 422),
        ("token=a", 422),
        ("logout_token=" + "a" * 16385, 422),
        ("logout_token=" + "a" * MAX_BODY, 413),
    ],
)
def test_a_form_that_has_no_logout_token_is_refused(login: Login, body: str, status: int) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert login.panel.post(LOGOUT, key=None, content=body.encode(), headers=form).status_code == status


def test_a_logout_token_in_json_is_refused(login: Login) -> None:
    assert login.panel.post(LOGOUT, {"logout_token": "x"}, key=None).status_code == 415


# ── A provider that is away, or not configured ───────────────────────────────────────────────────────


def test_while_the_provider_is_away_sessions_go_on_and_new_logins_wait(login: Login) -> None:
    session = login.session()
    url, headers = login.start()
    query = login.come_back(url)
    login.provider.available = False
    for refused in (login.panel.get("/auth/login", key=None), login.finish(query, headers), login.send_logout("a.b.c")):
        assert (refused.status_code, error(refused)["code"]) == (503, "identity_provider_unavailable")
    assert login.me(session).status_code == 200
    assert login.panel.get("/health").json()["checks"]["identity_provider"]["status"] == "unavailable"
    login.provider.available = True
    assert login.finish(query, headers).status_code == 302


@pytest.fixture
def unconfigured(tmp_path: Path) -> Iterator[Panel]:
    with start_panel(tmp_path, adapters={"identity_provider": None}) as panel:
        yield panel


def test_without_a_provider_logins_say_so_and_keys_go_on(unconfigured: Panel) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for refused in (
        unconfigured.get("/auth/login", key=None),
        unconfigured.get(f"{CALLBACK}?code=x&state=y", key=None),
        unconfigured.post(LOGOUT, key=None, content=b"logout_token=a.b.c", headers=form),
    ):
        assert (refused.status_code, error(refused)["code"]) == (503, "oidc_not_configured")
    session = unconfigured.session()
    assert unconfigured.post("/auth/logout", key=None, headers=session).json()["provider_session_ended"] is None
    assert "identity_provider" not in unconfigured.get("/health").json()["checks"]
