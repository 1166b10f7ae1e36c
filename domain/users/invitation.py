"""Invite users."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NotRequired, TypedDict

from domain.errors import Conflict, Forbidden, Invalid, Unavailable
from domain.identity.access import Caller
from domain.identity.permissions import RANK
from domain.model.identifiers import new_id
from domain.model.role import STAFF, Role
from domain.model.user import User
from domain.ports import Ports
from domain.ports.identity_provider import Account, IdentityProvider
from domain.ports.repository import Query
from domain.ports.store import Work
from domain.users.reading import UserDetail, detail

LIFETIME = timedelta(days=7)
_CHECKS, _PAUSE = 50, 0.02
_log = logging.getLogger(__name__)


class _NotStoredError(Exception):
    """No user has the address yet. It rolls the transaction back."""


class UserCreate(TypedDict):
    """The body of `create_user`."""

    email: str
    name: str
    role: Role
    customer_id: NotRequired[str | None]


@dataclass(frozen=True)
class InvitedUser:
    """A new user, and the password for its first login, which is not stored; None without an account."""

    detail: UserDetail
    first_password: str | None

    @property
    def revision(self) -> int:
        """The user's revision."""
        return self.detail.revision


def create_user(ports: Ports, caller: Caller, body: UserCreate) -> InvitedUser:
    """Invite a person: create the user, and its account at the identity provider if there is one.

    Raise Forbidden for a role above the caller's, Invalid if role and customer do not fit, and Conflict if the email
    address belongs to a user or an account.
    """
    now, role = ports.clock.now(), Role(body["role"])
    check_role(caller, role)
    user = User(
        id=new_id("usr"),
        name=body["name"].strip(),
        email=body["email"].lower(),
        subject="",
        role=role,
        created_at=now,
        created_by=caller.id,
        customer_id=body.get("customer_id"),
        invited=True,
        invited_until=now + LIFETIME,
    )
    with ports.store.read() as work:
        _check(work, user)
    password = secrets.token_urlsafe(15) if ports.identity_provider else None
    with _account_removed_on_failure(ports, user):
        user.subject = _create_account(ports, user, password)
        with ports.store.begin() as work:
            _check(work, user)
            work.users.add(user)
    return InvitedUser(detail(ports, user), password)


def account_of(user: User) -> Account:
    """Return the account that a user should have at the identity provider."""
    return Account(user.id, user.email, user.name, user.role, user.customer_id, user.enabled)


def check_role(caller: Caller, role: Role) -> None:
    """Raise Forbidden for a role above the caller's."""
    if RANK[role] > RANK[caller.role]:
        raise Forbidden("You cannot give a role above your own", details=f"Your role is {caller.role}")


@contextmanager
def _account_removed_on_failure(ports: Ports, user: User) -> Iterator[None]:
    """Remove the account of a user who is not stored, also one that a call which failed halfway has made."""
    try:
        yield
    except BaseException:
        if ports.identity_provider:
            _remove_account(ports.identity_provider, user)
        raise


def _remove_account(provider: IdentityProvider, user: User) -> None:
    try:
        provider.delete_account_of(user.id)
    except Unavailable:
        _log.warning("Delete the account with panel_user_id %s at the identity provider, if there is one", user.id)


def _create_account(ports: Ports, user: User, password: str | None) -> str:
    """Return the subject of the new account. A user without an account has its own ID instead, and cannot log in."""
    if ports.identity_provider is None:
        return user.id
    try:
        return ports.identity_provider.create_account(account_of(user), password)
    except Conflict as fault:
        _wait_for_equal_request(ports, user)
        raise Conflict(fault.message, code="account_exists", details="Use another address") from None


def _wait_for_equal_request(ports: Ports, user: User) -> None:
    """Let a parallel, equal request, which may have created the account, store its user.

    With an Idempotency-Key, the transaction then ends this request, which gets the other one's response.
    """
    for _ in range(_CHECKS):
        ports.clock.sleep(_PAUSE)
        with suppress(_NotStoredError), ports.store.begin() as work:
            _check(work, user)
            raise _NotStoredError


def _check(work: Work, user: User) -> None:
    """Raise Invalid or Conflict unless the user may exist."""
    check_customer(user)
    if user.customer_id is not None and work.customers.get(user.customer_id) is None:
        raise Invalid({"customer_id": f"No customer has the ID {user.customer_id}"})
    if work.users.page(Query(filters={"email": user.email}, per_page=1)).total:
        raise Conflict(f"A user with the address {user.email} exists already", code="account_exists")


def check_customer(user: User) -> None:
    """Raise Invalid unless the role is one for the user's customer, or for the panel's staff."""
    if user.role is Role.CUSTOMER and user.customer_id is None:
        raise Invalid({"customer_id": "The role customer needs a customer"})
    if user.role in STAFF and user.customer_id is not None:
        raise Invalid({"role": f"The role {user.role} is for the panel's staff, who belong to no customer"})
