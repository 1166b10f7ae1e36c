"""Invite users; the task `create_user` does the work."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import NotRequired, TypedDict

from domain.errors import Conflict, Forbidden, Invalid
from domain.identity.access import Caller, not_found
from domain.identity.permissions import RANK
from domain.model.audit_event import FieldChange
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation, Option
from domain.model.role import STAFF, Role
from domain.model.user import User
from domain.ports import Ports
from domain.ports.identity_provider import Account
from domain.ports.repository import Query
from domain.ports.store import Work
from domain.users.reading import UserDetail, detail, get_existing
from domain.work import queue
from domain.work.queue import Resource

LIFETIME = timedelta(days=7)
FIELDS_AT_FAULT = {"policy_refused": "customer_id"}
"""The field of the body for the code of a failure."""


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


def create_user(ports: Ports, caller: Caller, body: UserCreate) -> Operation:
    """Queue the creation of a user, and of its account at the identity provider if there is one.

    The user exists as soon as the operation has succeeded. The operation holds the first password, encrypted.
    Raise Forbidden for a role above the caller's, NotFound for an unknown customer, Invalid if role and customer do not
    fit, and Conflict if the email address belongs to a user.
    """
    now, role = ports.clock.now(), Role(body["role"])
    check_role(caller, role)
    user_id, email, customer_id = new_id("usr"), body["email"].lower(), body.get("customer_id")
    options: dict[str, Option] = {
        "name": body["name"].strip(),
        "email": email,
        "role": role.value,
        "customer_id": customer_id,
        "password": ports.vault.encrypt(secrets.token_urlsafe(15)),
    }
    changes = tuple(FieldChange(field, None, str(options[field])) for field in ("name", "email", "role"))
    with ports.store.begin() as work:
        check_new_user(work, email, role, customer_id)
        work.audit_events.record("create_user", ("user", user_id), customer_id=customer_id, changes=changes)
        # one at a time of a customer, also with its deletion; of staff, one with each address
        resource = Resource("user", user_id, None, lock_key=customer_id or email)
        return queue.enqueue(work, now, resource, Kind.CREATE_USER, caller=caller, options=options)


def get_created(ports: Ports, operation: Operation) -> InvitedUser:
    """Return the user that a succeeded operation has created, with the password of its account."""
    with ports.store.read() as work:
        user = get_existing(work, operation.resource_id)
    password = operation.options.get("password")
    return InvitedUser(detail(ports, user), ports.vault.decrypt(str(password)) if password else None)


def account_of(user: User) -> Account:
    """Return the account that a user should have at the identity provider."""
    return Account(user.id, user.email, user.name, user.role, user.customer_id, user.enabled)


def check_role(caller: Caller, role: Role) -> None:
    """Raise Forbidden for a role above the caller's."""
    if RANK[role] > RANK[caller.role]:
        raise Forbidden("You cannot give a role above your own", details=f"Your role is {caller.role}")


def check_new_user(work: Work, email: str, role: Role, customer_id: str | None) -> None:
    """Lock the customer. Raise NotFound, Invalid or Conflict unless a user with this address and role may exist."""
    if customer_id is not None and work.customers.get(customer_id) is None:
        raise not_found("Customer", customer_id)
    check_customer(role, customer_id)
    if work.users.page(Query(filters={"email": email}, per_page=1)).total:
        raise Conflict(f"A user with the address {email} exists already", code="account_exists")


def check_customer(role: Role, customer_id: str | None) -> None:
    """Raise Invalid unless the role is one for users of this customer, or for the panel's staff without one."""
    if role is Role.CUSTOMER and customer_id is None:
        raise Invalid({"customer_id": "The role customer needs a customer"})
    if role in STAFF and customer_id is not None:
        raise Invalid({"role": f"The role {role} is for the panel's staff, who belong to no customer"})
