"""The users of a customer: list, link and unlink them. The last owner of a customer stays."""

from dataclasses import replace
from typing import Literal, TypedDict, Unpack

from domain.customers.reading import get_existing
from domain.errors import Conflict
from domain.identity.access import Caller, not_found
from domain.model.role import STAFF, Role
from domain.model.user import User
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.queries import query
from domain.users.changes import end_credentials, lock_user, require_successor, update_account

CustomerRole = Literal["customer", "viewer"]


class ListCustomerUsersParameters(TypedDict, total=False):
    """The query parameters of `list_customer_users`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["name", "created_at"]


class CustomerUserUpdate(TypedDict):
    """The body of `link_customer_user`."""

    role: CustomerRole


def list_customer_users(
    ports: Ports, _caller: Caller, customer_id: str, **parameters: Unpack[ListCustomerUsersParameters]
) -> Page[User]:
    """Return a page of the users of a customer, newest first."""
    with ports.store.read() as work:
        get_existing(work, customer_id)
        return work.users.page(query(**parameters, filters={"customer_id": customer_id}))


def link_customer_user(
    ports: Ports, _caller: Caller, customer_id: str, user_id: str, body: CustomerUserUpdate, if_match: str | None = None
) -> User:
    """Give a user a role in a customer; `customer` is the role of its owners.

    Raise Conflict if the user is one of the panel's staff or belongs to another customer, or if the customer would lose
    its last owner.
    """
    role = Role(body["role"])
    with ports.store.read() as work:
        before = _linkable(work, customer_id, user_id, role)
    revisions.match(if_match, before.revision, "user")
    linked = replace(before, customer_id=customer_id, role=role, enabled=True)
    update_account(ports, linked, ended=False)  # first: role and customer come from it at the next login
    with ports.store.begin() as work:
        get_existing(work, customer_id)
        lock_user(work, user_id)
        current = _linkable(work, customer_id, user_id, role)
        revisions.match(if_match, current.revision, "user")
        linked = replace(current, customer_id=customer_id, role=role, enabled=True)
        if linked != current:
            work.users.save(linked)
    return linked


def unlink_customer_user(
    ports: Ports, _caller: Caller, customer_id: str, user_id: str, if_match: str | None = None
) -> None:
    """Take a user from a customer, with its sessions and the API keys that it made. It can be linked again.

    Raise NotFound if the user does not belong to the customer, and Conflict if it is the last owner.
    """
    with ports.store.read() as work:
        user = _linked(work, customer_id, user_id)
        revisions.match(if_match, user.revision, "user")
        require_successor(work, user)
    update_account(ports, _unlinked(user), ended=False)
    with ports.store.begin() as work:
        get_existing(work, customer_id)
        lock_user(work, user_id)
        user = _linked(work, customer_id, user_id)
        revisions.match(if_match, user.revision, "user")
        require_successor(work, user)
        end_credentials(work, _unlinked(user))
        work.users.save(_unlinked(user))


def _unlinked(user: User) -> User:
    """Return the user without a customer: disabled, since without one it would be staff."""
    return replace(user, customer_id=None, role=Role.CUSTOMER, enabled=False)


def _linkable(work: Work, customer_id: str, user_id: str, role: Role) -> User:
    get_existing(work, customer_id)
    user = work.users.get(user_id)
    if user is None:
        raise not_found("User", user_id)
    if user.customer_id not in (None, customer_id):
        raise Conflict(f"{user.name} belongs to another customer", code="wrong_state", details="Unlink the user there")
    if user.customer_id is None and (user.enabled or user.role in STAFF):
        raise Conflict(
            f"{user.name} is one of the panel's staff", code="wrong_state", details="Staff belong to no customer"
        )
    if role is not Role.CUSTOMER:
        require_successor(work, user)
    return user


def _linked(work: Work, customer_id: str, user_id: str) -> User:
    get_existing(work, customer_id)
    user = work.users.get(user_id)
    if user is None or user.customer_id != customer_id:
        raise not_found("User", user_id)
    return user
