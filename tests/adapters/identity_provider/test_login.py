"""Login at an identity provider: one suite for the provider in memory and for Keycloak."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from domain.errors import Conflict, InvalidToken, NotFound
from domain.model.role import Role
from domain.ports.identity_provider import Account, LoginRequest
from tests.adapters.identity_provider.conftest import Login

CALLBACK = "http://testserver/api/auth/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def _code(login: Login, name: str, nonce: str = "nonce") -> str:
    request = LoginRequest("state", nonce, CHALLENGE, CALLBACK)
    answer = urlsplit(login.log_in(login.provider.login_url(request), name))
    query = parse_qs(answer.query)
    assert f"{answer.scheme}://{answer.netloc}{answer.path}" == CALLBACK
    assert query["state"] == ["state"]
    return query["code"][0]


def _claims(login: Login, name: str) -> tuple[str, dict[str, Any]]:
    token = login.provider.exchange_code(_code(login, name), VERIFIER, CALLBACK)
    return token, dict(login.provider.verify(token, {"nonce": "nonce"}))


def test_an_id_token_says_who_has_logged_in(login: Login) -> None:
    _, claims = _claims(login, "ada")
    assert (claims["email"], claims["name"], claims["typ"]) == ("ada@example.test", "Ada Admin", "ID")
    assert "admin" in claims["roles"]
    assert "customer_id" not in claims
    assert claims["sub"]
    assert claims["sid"]


def test_a_customer_comes_from_the_group(login: Login) -> None:
    _, claims = _claims(login, "carl")
    assert claims["customer_id"] == ["cust_acme"]
    assert "customer" in claims["roles"]


def test_a_code_can_be_redeemed_once(login: Login) -> None:
    code = _code(login, "ada")
    login.provider.exchange_code(code, VERIFIER, CALLBACK)
    with pytest.raises(InvalidToken):
        login.provider.exchange_code(code, VERIFIER, CALLBACK)


@pytest.mark.parametrize(("verifier", "callback"), [("w" * 43, CALLBACK), (VERIFIER, "http://elsewhere/callback")])
def test_a_code_is_bound_to_its_verifier_and_redirect_uri(login: Login, verifier: str, callback: str) -> None:
    with pytest.raises(InvalidToken):
        login.provider.exchange_code(_code(login, "ada"), verifier, callback)


@pytest.mark.parametrize("required", [{"nonce": "another"}, {"iss": "https://elsewhere"}, {"aud": "another"}])
def test_a_token_with_another_claim_is_not_valid(login: Login, required: dict[str, str]) -> None:
    token, _ = _claims(login, "ada")
    with pytest.raises(InvalidToken):
        login.provider.verify(token, required)


def test_a_changed_token_is_not_valid(login: Login) -> None:
    token, _ = _claims(login, "ada")
    head, body, signature = token.split(".")
    for changed in (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}.", f"{head}.{body}", "", "a.b.c", "ä.ö.ü"):
        with pytest.raises(InvalidToken):
            login.provider.verify(changed, {})


def test_an_ended_session_can_be_ended_again(login: Login) -> None:
    token, _ = _claims(login, "ada")
    login.provider.end_session(token)
    login.provider.end_session(token)


def test_the_provider_answers_and_nothing_is_missing(login: Login) -> None:
    assert "answers" in login.provider.ping()
    assert login.provider.problems() == []


def _account(**fields: Any) -> Account:
    name = uuid4().hex[:12]
    return Account(
        **{"user_id": f"usr_{name}", "email": f"{name}@example.test", "name": "N O", "role": Role.VIEWER} | fields
    )


def test_an_account_is_created_once_for_a_user(login: Login) -> None:
    account = _account(role=Role.CUSTOMER, customer_id="cust_new")
    subject = login.provider.create_account(account, "a temporary password")
    assert login.provider.create_account(account) == subject


def test_an_email_address_joins_no_accounts(login: Login) -> None:
    account = _account()
    login.provider.create_account(account)
    with pytest.raises(Conflict):
        login.provider.create_account(_account(email=account.email))


def test_the_account_of_a_user_is_deleted_without_its_subject(login: Login) -> None:
    account, other = _account(), _account()
    login.provider.create_account(account)
    subject = login.provider.create_account(other)
    login.provider.delete_account_of(account.user_id)
    login.provider.delete_account_of(account.user_id)
    login.provider.create_account(_account(email=account.email))
    assert login.provider.create_account(other) == subject


def test_an_account_is_changed_and_deleted(login: Login) -> None:
    account = _account(role=Role.CUSTOMER, customer_id="cust_one")
    subject = login.provider.create_account(account)
    login.provider.update_account(subject, _account(user_id=account.user_id, email=account.email, role=Role.OPERATOR))
    login.provider.end_sessions(subject)
    login.provider.delete_account(subject)
    login.provider.delete_account(subject)
    with pytest.raises(NotFound):
        login.provider.update_account(subject, account)
    with pytest.raises(NotFound):
        login.provider.end_sessions(subject)
