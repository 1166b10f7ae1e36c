"""Users over HTTP: invite, change and remove them, with the identity provider in memory."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from domain.adapters import memory
from domain.errors import NotFound, Unavailable
from domain.model.customer import Customer
from domain.model.role import Role
from domain.ports.repository import Query
from tests.calls import error
from tests.http_server import serve_http
from tests.panel import ORIGIN, Panel, start_panel

ADA = {"email": "Ada@example.test", "name": "Ada Lovelace", "role": "admin"}
BOB = {"email": "bob@example.test", "name": "Bob", "role": "admin"}
CUSTOMER = "cust_acme"


@dataclass
class People:
    """A panel whose people log in at a provider in memory."""

    panel: Panel
    provider: memory.IdentityProvider

    def invite(self, **fields: Any) -> dict[str, Any]:
        response = self.post({**ADA, **fields})
        assert response.status_code == 201, response.text
        return dict(response.json())

    def post(self, body: dict[str, Any], **options: Any) -> httpx.Response:
        return self.panel.request_with_worker("POST", "/users", json=body, **options)

    def log_in(self, email: str) -> httpx.Response:
        started = self.panel.get("/auth/login", key=None)
        callback = self.provider.log_in(started.headers["location"], email)
        cookie = started.headers["set-cookie"].partition(";")[0]
        return self.panel.get(f"/auth/callback?{urlsplit(callback).query}", key=None, headers={"Cookie": cookie})

    def session(self, email: str) -> dict[str, str]:
        """Return the headers of a browser that has logged in."""
        finished = self.log_in(email)
        assert finished.status_code == 302, finished.text
        return {"Cookie": finished.headers["set-cookie"].partition(";")[0], "Origin": ORIGIN}

    def change(self, user: dict[str, Any], **fields: Any) -> httpx.Response:
        return self.panel.patch(f"/users/{user['id']}", fields)

    def me(self, headers: dict[str, str]) -> int:
        return self.panel.get("/auth/me", key=None, headers=headers).status_code

    def make_key(self, headers: dict[str, str], role: str) -> str:
        made = self.panel.post("/v1/api-keys", {"name": "mine", "role": role}, key=None, headers=headers)
        return str(made.json()["key"])


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return response.status_code, error(response)["code"]


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with start_panel(tmp_path) as panel:
        provider = panel.ports.identity_provider
        assert isinstance(provider, memory.IdentityProvider)
        now = panel.ports.clock.now()
        with panel.ports.store.begin() as work:
            work.customers.add(Customer(CUSTOMER, "Acme", now, now))
        yield People(panel, provider)


def test_an_invited_person_logs_in_once_and_is_active(people: People) -> None:
    invited = people.invite()
    assert (invited["status"], invited["email"]) == ("invited", "ada@example.test")
    assert invited["first_password"]
    assert "users.write" in invited["permissions"]
    people.session("ada@example.test")
    read = people.panel.get(f"/users/{invited['id']}").json()
    assert (read["status"], read["invited_until"]) == ("active", None)
    assert "first_password" not in read


def test_an_invitation_expires(people: People) -> None:
    invited = people.invite()
    with people.panel.ports.store.begin() as work:
        user = work.users.get(invited["id"])
        assert user
        work.users.save(replace(user, invited_until=people.panel.ports.clock.now() - timedelta(seconds=1)))
    assert refusal(people.log_in("ada@example.test")) == (403, "login_refused")


def test_an_invitation_is_for_its_address_alone(people: People) -> None:
    invited = people.invite()
    with people.panel.ports.store.begin() as work:
        user = work.users.get(invited["id"])
        assert user
        work.users.save(replace(user, email="other@example.test"))
    assert refusal(people.log_in("ada@example.test")) == (403, "login_refused")


def test_an_invitation_of_somebody_who_is_disabled_or_deleted_meanwhile_is_useless(people: People) -> None:
    ada, bob = people.invite(), people.invite(**BOB)
    assert people.change(ada, enabled=False).status_code == 200
    assert people.panel.delete(f"/users/{bob['id']}").status_code == 204
    with pytest.raises(NotFound, match="Account not found"):
        people.log_in(BOB["email"])
    with pytest.raises(NotFound, match="Account not found"):
        people.log_in("ada@example.test")


def test_the_open_stream_of_a_user_ends_with_its_authority(people: People) -> None:
    panel, ada = people.panel, people.invite(role="operator")
    headers = {"Accept": "text/event-stream", **people.session("ada@example.test")}
    with (
        serve_http(panel.app, panel.ports) as url,
        httpx.stream("GET", f"{url}/api/events", headers=headers, timeout=30) as stream,
    ):
        assert stream.status_code == 200
        people.change(ada, enabled=False)
        disabled_at = time.monotonic()
        for _ in stream.iter_bytes():
            assert time.monotonic() - disabled_at < 4, "twice of what is promised, for machines that are busy"


def test_an_address_is_invited_once(people: People) -> None:
    people.invite()
    assert refusal(people.post({**ADA, "email": "ADA@EXAMPLE.TEST"})) == (409, "account_exists")


def test_an_invitation_that_fails_halfway_leaves_no_account(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    create = people.provider.create_account

    def create_and_fail(*arguments: Any) -> str:
        create(*arguments)
        raise Unavailable("Keycloak cannot be used", code="identity_provider_unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(people.provider, "create_account", create_and_fail)
        failed = people.post(ADA)
    assert refusal(failed) == (503, "identity_provider_unavailable")
    assert people.provider.subjects() == []
    people.invite()


def test_a_role_must_fit_the_customer(people: People) -> None:
    post = people.post
    assert refusal(post({**ADA, "role": "customer"})) == (422, "validation_error")
    assert refusal(post({**ADA, "role": "admin", "customer_id": CUSTOMER})) == (422, "validation_error")
    assert refusal(post({**ADA, "role": "viewer", "customer_id": "cust_none"})) == (404, "not_found")
    assert post({**ADA, "role": "customer", "customer_id": CUSTOMER}).status_code == 201


def test_a_disabled_user_loses_its_sessions_and_keys_and_cannot_log_in(people: People) -> None:
    people.session(people.invite(**BOB)["email"])
    ada = people.invite()
    browser = people.session(ada["email"])
    key = people.make_key(browser, "admin")
    of_key = people.panel.post("/v1/api-keys", {"name": "made by the key", "role": "viewer"}, key=key).json()["key"]
    assert people.change(ada, enabled=False).json()["status"] == "disabled"
    assert people.me(browser) == 401
    assert people.panel.get("/auth/me", key=key).status_code == 401
    assert people.panel.get("/auth/me", key=of_key).status_code == 401
    with people.panel.ports.store.read() as work:
        sessions = work.sessions.page(Query(filters={"user_id": ada["id"]})).total
    assert sessions == 0
    assert people.change(ada, enabled=True).json()["status"] == "active"
    assert people.me(people.session(ada["email"])) == 200


def test_a_lower_role_ends_sessions_and_only_the_keys_above_it(people: People) -> None:
    people.session(people.invite(**BOB)["email"])
    ada = people.invite()
    browser = people.session(ada["email"])
    admin, viewer = people.make_key(browser, "admin"), people.make_key(browser, "viewer")
    assert people.change(ada, role="operator").json()["role"] == "operator"
    assert people.me(browser) == 401
    assert people.panel.get("/auth/me", key=admin).status_code == 401
    assert people.panel.get("/auth/me", key=viewer).status_code == 200
    assert "users.write" not in people.panel.get(f"/users/{ada['id']}").json()["permissions"]
    again = people.session(ada["email"])
    assert people.panel.get("/auth/me", key=None, headers=again).json()["role"] == "operator"


def test_a_higher_role_ends_nothing(people: People) -> None:
    ada = people.invite(role="viewer")
    browser = people.session(ada["email"])
    assert people.change(ada, role="operator").status_code == 200
    assert people.panel.get("/auth/me", key=None, headers=browser).json()["role"] == "operator"


def test_a_deleted_user_is_gone_with_keys_and_account(people: People) -> None:
    people.session(people.invite(**BOB)["email"])
    ada = people.invite()
    browser = people.session(ada["email"])
    key = people.make_key(browser, "viewer")
    assert people.panel.delete(f"/users/{ada['id']}").status_code == 204
    assert people.me(browser) == 401
    assert people.panel.get("/auth/me", key=key).status_code == 401
    assert people.panel.get(f"/users/{ada['id']}").status_code == 404
    assert people.invite()["id"] != ada["id"]


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"enabled": False}, None])
def test_the_last_admin_and_the_last_owner_stay(people: People, change: dict[str, Any] | None) -> None:
    ada = people.invite()
    owner = people.invite(email="owner@example.test", role="customer", customer_id=CUSTOMER)
    people.invite(**BOB)  # has not logged in, so that nobody could take over
    for user, code in ((ada, "last_admin"), (owner, "last_owner")):
        people.session(user["email"])
        path = f"/users/{user['id']}"
        answer = people.panel.patch(path, change) if change else people.panel.delete(path)
        assert refusal(answer) == (409, code)
    people.session(BOB["email"])
    assert people.change(ada, role="viewer").status_code == 200


def test_nobody_changes_its_own_role(people: People) -> None:
    people.session(people.invite(**BOB)["email"])
    ada = people.invite()
    browser = people.session(ada["email"])
    path = f"/users/{ada['id']}"
    for change in ({"role": "viewer"}, {"enabled": False}):
        assert refusal(people.panel.patch(path, change, key=None, headers=browser)) == (403, "forbidden")
    assert refusal(people.panel.delete(path, key=None, headers=browser)) == (403, "forbidden")
    assert people.panel.patch(path, {"name": "Countess"}, key=None, headers=browser).status_code == 200


def test_a_role_is_never_above_that_of_the_caller(people: People) -> None:
    operator = people.panel.key(Role.OPERATOR)
    assert refusal(people.post({**ADA, "role": "viewer"}, key=operator)) == (403, "forbidden")


def test_a_provider_that_is_away_leaves_a_user_who_has_lost_access(people: People) -> None:
    people.session(people.invite(**BOB)["email"])
    ada = people.invite()
    browser = people.session(ada["email"])
    people.provider.available = False
    assert refusal(people.panel.delete(f"/users/{ada['id']}")) == (503, "identity_provider_unavailable")
    assert refusal(people.post({**ADA, "email": "eve@example.test"}))[0] == 503
    assert people.me(browser) == 401
    people.provider.available = True
    assert refusal(people.log_in(ada["email"])) == (403, "login_refused")
    assert people.panel.delete(f"/users/{ada['id']}").status_code == 204
    assert people.panel.get("/users?search=eve").json()["total"] == 0


def test_a_change_of_another_admin_in_between_is_not_overwritten(people: People) -> None:
    ada = people.invite(role="viewer")
    etag = people.panel.get(f"/users/{ada['id']}").headers["etag"]
    people.change(ada, name="Countess")
    stale = people.panel.patch(f"/users/{ada['id']}", {"role": "operator"}, headers={"If-Match": etag})
    assert refusal(stale) == (412, "stale")


def test_lists_are_filtered_by_role_status_customer_and_name(people: People) -> None:
    people.session(people.invite()["email"])
    people.invite(**BOB)
    people.invite(email="owner@example.test", name="Olga", role="customer", customer_id=CUSTOMER)

    def names(query: str) -> list[str]:
        page = people.panel.get(f"/users?sort=name&order=asc&{query}").json()
        return [user["name"] for user in page["data"]]

    assert names("") == ["Ada Lovelace", "Bob", "Olga"]
    assert names("status=active") == ["Ada Lovelace"]
    assert names("status=invited&role=admin") == ["Bob"]
    assert names(f"customer_id={CUSTOMER}") == ["Olga"]
    assert names("search=LOVE") == ["Ada Lovelace"]
    assert names("status=disabled") == []


def test_without_a_provider_a_user_exists_and_has_no_password(tmp_path: Path) -> None:
    with start_panel(tmp_path, adapters={"identity_provider": None}) as panel:
        invited = panel.request_with_worker("POST", "/users", json=ADA).json()
        assert (invited["status"], invited["first_password"]) == ("invited", None)
        assert panel.patch(f"/users/{invited['id']}", {"role": "viewer"}).json()["role"] == "viewer"
        assert panel.delete(f"/users/{invited['id']}").status_code == 204
