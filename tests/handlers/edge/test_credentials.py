"""Credentials over HTTP: an error does not reveal what is wrong with a key, and only one header carries keys."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.errors import Unavailable
from domain.identity.authenticator import Authenticator
from tests import conformance
from tests.calls import OPERATIONS, PUBLIC, create_targets, error
from tests.conformance import CANARY
from tests.panel import Panel

REFUSAL = {
    "code": "unauthenticated",
    "message": "A valid API key or session is needed",
    "details": "Send the key as: Authorization: Bearer aap_…",
}
PAST = datetime.now(UTC) - timedelta(seconds=1)


def _send_raw(panel: Panel, *authorization: str | bytes, path: str = "/api/services") -> httpx.Response:
    headers = [(b"Authorization", one if isinstance(one, bytes) else one.encode()) for one in authorization]
    answered = panel.portal.call(panel._send, "GET", path, headers, {})  # type: ignore[arg-type]
    conformance.check_response("GET", answered)
    return answered


def test_the_scheme_is_written_in_any_case(panel: Panel) -> None:
    for scheme in ("Bearer", "bearer", "BEARER", "bEARER"):
        assert _send_raw(panel, f"{scheme} {panel.admin}").status_code == 200


def test_every_wrong_credential_gets_the_same_response(panel: Panel) -> None:
    good, revoked = panel.admin, panel.key("viewer")
    panel.delete(f"/v1/api-keys/{panel.get('/auth/me', key=revoked).json()['id']}")
    cut = good[:-1]
    wrong: list[tuple[str | bytes, ...]] = [
        (f"Bearer {panel.key('admin', expires_at=PAST)}",),
        (f"Bearer {panel.key('admin', allowed_ips=('192.0.2.1',))}",),
        (f"Bearer {revoked}",),
        (f"Bearer {cut}",),
        (f"Bearer {good}x",),
        (f"Bearer {good[:4]}{good[4:].swapcase()}",),
        (f"Bearer {good.upper()}",),
        (f"Bearer aap_{'0' * 8}_{'0' * 36}",),
        (f"Bearer {good[:12]}_{'0' * 36}",),
        (f"Bearer {good} {good}",),
        (f"Bearer {good},{good}",),
        (f"Bearer Bearer {good}",),
        ("Bearer",),
        ("Bearer ",),
        ("Bearer null",),
        (f"Bearer {good}\x00",),
        (f"Bearer {good}".encode() + b"\xff",),
        (f"Bearer {good}", f"Bearer {good}"),
        (f"Bearer {good}", "Bearer wrong"),
        ("Bearer wrong", f"Bearer {good}"),
        ("Bearer " + "a" * 5000,),
    ]
    for given in wrong:
        refused = _send_raw(panel, *given)
        assert (refused.status_code, error(refused)) == (401, REFUSAL), given
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"', given


def test_without_a_bearer_token_the_response_says_what_to_send(panel: Panel) -> None:
    good = panel.admin
    for given in ((), (good,), (f"Basic {good}",), (f"ApiKey {good}",), (f"Token {good}",), (f"Bearer:{good}",)):
        refused = _send_raw(panel, *given)
        assert (refused.status_code, error(refused)) == (401, REFUSAL), given
        assert refused.headers["www-authenticate"] == "Bearer"


def test_a_key_in_the_query_is_refused_and_not_repeated(panel: Panel) -> None:
    for name in ("api_key", "key", "token", "access_token", "Authorization"):
        refused = panel.get(f"/services?{name}={panel.admin}", key=None)
        assert (refused.status_code, error(refused)) == (401, REFUSAL)
        refused = panel.get(f"/services?{name}={panel.admin}")
        assert refused.status_code == 400
        assert panel.admin not in refused.text


def test_a_key_in_another_header_is_ignored(panel: Panel) -> None:
    for header in ("X-Api-Key", "Cookie", "Proxy-Authorization", "X-Forwarded-Authorization"):
        for value in (panel.admin, f"session={panel.admin}", f"Bearer {panel.admin}"):
            assert panel.get("/services", key=None, headers={header: value}).status_code == 401


def test_every_operation_except_the_public_ones_requires_a_key(panel: Panel) -> None:
    made = create_targets(panel)
    refused = {}
    for operation in OPERATIONS:
        for key in (None, "wrong"):
            answered = made.send(panel, operation, key=key)
            refused[operation.operation_id, key] = answered.status_code
    open_ones = {name for name, status in refused.items() if status != 401}
    public = {(name, key) for name in PUBLIC for key in (None, "wrong")}
    assert open_ones == public - {("get_health", "wrong")}, "health tells admins more, and wrong keys nothing"


def test_credentials_are_checked_before_parameters_and_bodies(panel: Panel) -> None:
    broken = panel.post("/services?nonsense=1", content=b"{", headers={"Content-Type": "text/plain"}, key=None)
    assert broken.status_code == 401


def test_a_key_is_refused_as_soon_as_it_is_revoked(panel: Panel) -> None:
    key = panel.key("viewer")
    me = panel.get("/auth/me", key=key).json()
    panel.delete(f"/v1/api-keys/{me['id']}")
    assert panel.get("/auth/me", key=key).status_code == 401


def test_a_key_is_refused_from_its_expiry(panel: Panel) -> None:
    made = panel.post("/v1/api-keys", {"name": "brief", "role": "viewer", "expiresAt": "2099-01-01T00:00:00Z"}).json()
    assert panel.get("/services", key=made["key"]).status_code == 200
    with panel.ports.store.begin() as work:
        row = work.api_keys.get(made["id"])
        assert row
        row.expires_at = panel.ports.clock.now()
        work.api_keys.save(row)
    assert panel.get("/services", key=made["key"]).status_code == 401


def test_an_unavailable_database_returns_503_and_not_401(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("The database does not answer", code="database_unavailable")

    monkeypatch.setattr(Authenticator, "by_api_key", away)
    refused = panel.get("/services")
    assert (refused.status_code, error(refused)["code"]) == (503, "database_unavailable")
    assert panel.get("/openapi.yaml").status_code == 200


def test_an_exception_in_authentication_is_hidden_and_logged_once(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(Authenticator, "by_api_key", broken)
    assert panel.get("/services").status_code == 500
    assert [record.getMessage() for record in caplog.records] == ["unforeseen"]
    assert panel.get("/openapi.yaml").status_code == 200
