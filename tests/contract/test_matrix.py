"""Every operation with every kind of caller gets the status that its permission in the document demands."""

from dataclasses import dataclass

import pytest

from domain.auth.sessions import new_session
from domain.identity import tokens
from domain.identity.permissions import role_permissions
from domain.model.customer import Customer
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.user import User
from handlers.openapi31.operations import Operation
from scripts.scaffold.row import read_table
from tests.calls import OPERATIONS, WITH_ID, Targets, body, error, permission, prepare_targets
from tests.operation_data import operation_data
from tests.operations.customers import new_address
from tests.panel import ORIGIN, Panel

A, B = "cust_a", "cust_b"


@dataclass(frozen=True)
class Kind:
    """A kind of caller: a role, with or without a customer."""

    role: Role
    customer_id: str | None = None

    def __str__(self) -> str:
        return f"{self.role}-of-{self.customer_id}" if self.customer_id else str(self.role)


KINDS = [Kind(role, A) for role in Role] + [Kind(role) for role in Role if role is not Role.CUSTOMER]
OTHER_CUSTOMER = [Kind(role, B) for role in Role]


def _success(operation: Operation) -> int:
    return operation_data(operation.operation_id).plain_success or int(read_table()[operation.operation_id].success)


def _expected(operation: Operation, kind: Kind) -> int:
    needed = permission(operation)
    if needed and needed not in role_permissions(kind.role, staff=kind.customer_id is None):
        return 403
    if operation_data(operation.operation_id).owner_only and kind != Kind(Role.ADMIN):
        return 404  # only the session's key and admins without a customer see a session
    if operation_data(operation.operation_id).body_of_panel and kind.customer_id:
        return 404
    return 404 if kind.customer_id == B and operation in WITH_ID else _success(operation)


def _status(panel: Panel, operation: Operation, targets: Targets, key: str | None) -> int:
    options = (
        {"json": sent}
        if (sent := operation_data(operation.operation_id).body_for_all or body(operation, panel))
        else {}
    )
    response = targets.send(panel, operation, key=key, **options)
    if response.status_code == 403:
        assert error(response)["code"] == "forbidden"
    return response.status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
def test_each_kind_of_caller_gets_the_documented_status(panel: Panel, operation: Operation) -> None:
    targets, expected, got = prepare_targets(panel, operation, A), {}, {}
    for kind in [*OTHER_CUSTOMER, *KINDS]:
        expected[str(kind)] = _expected(operation, kind)
        got[str(kind)] = _status(panel, operation, targets, panel.key(kind.role, kind.customer_id))
        if got[str(kind)] < 300 and operation.method != "GET":
            targets = prepare_targets(panel, operation, A)
    assert got == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
def test_users_by_session_and_by_key_and_those_of_a_suspended_customer(panel: Panel, operation: Operation) -> None:
    targets, got = prepare_targets(panel, operation, A), {}
    other, own, suspended = Kind(Role.CUSTOMER, B), Kind(Role.CUSTOMER, A), Kind(Role.CUSTOMER, _add_customer(panel))
    ways = [(kind, way) for kind in (suspended, other, own) for way in ("key", "session")]
    credentials = {(kind, way): _credentials(panel, kind, way) for kind, way in ways}
    panel.post(f"/customers/{suspended.customer_id}/suspend")
    for kind, way in ways:
        got[kind, way] = _status_with(panel, operation, targets, credentials[kind, way])
        if got[kind, way] < 300 and operation.method != "GET":
            targets = prepare_targets(panel, operation, A)
    schemes = {name for alternative in operation.security for name in alternative}
    # A wrong key is refused also where none is needed.
    refused = {(suspended, "key")} if "bearerAuth" in schemes else set()
    if operation.raw["x-permission"] != "public":
        refused.add((suspended, "session"))
        # A session makes no other session.
        refused |= set() if "cookieAuth" in schemes else {(own, "session"), (other, "session")}
    assert got == {(kind, way): 401 if (kind, way) in refused else _expected(operation, kind) for kind, way in ways}


def _add_customer(panel: Panel) -> str:
    customer_id, now = new_id("cust"), panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer(customer_id, "Acme", now, now))
    return customer_id


def _add_user(panel: Panel, kind: Kind) -> User:
    user_id, now = new_id("usr"), panel.ports.clock.now()
    user = User(user_id, "Ada", new_address(), user_id, kind.role, now, customer_id=kind.customer_id)
    with panel.ports.store.begin() as work:
        work.users.add(user)
    return user


def _credentials(panel: Panel, kind: Kind, way: str) -> dict[str, str]:
    """Return the headers of a user: with a key that it has made, or with its session."""
    user = _add_user(panel, kind)
    if way == "key":
        return {"Authorization": f"Bearer {panel.key(kind.role, kind.customer_id, created_by=user.id)}"}
    cookie = tokens.new_cookie()
    with panel.ports.store.begin() as work:
        work.sessions.add(new_session(user, cookie, panel.ports.clock.now(), device="Firefox", address="192.0.2.7"))
    return {"Cookie": f"session={cookie}", "Origin": ORIGIN}


def _status_with(panel: Panel, operation: Operation, targets: Targets, headers: dict[str, str]) -> int:
    sent = operation_data(operation.operation_id).body_for_all or body(operation, panel)
    options = {"json": sent} if sent else {}
    return targets.send(panel, operation, key=None, headers=headers, **options).status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
def test_only_public_operations_work_without_credentials(panel: Panel, operation: Operation) -> None:
    expected = _success(operation) if operation.raw["x-permission"] == "public" else 401
    assert _status(panel, operation, prepare_targets(panel, operation, A), None) == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
def test_a_denied_permission_refuses_its_operations_and_no_others(panel: Panel, operation: Operation) -> None:
    needed, targets = permission(operation), prepare_targets(panel, operation, A)
    permissions = set(panel.get("/auth/me").json()["permissions"])
    if needed:
        key = panel.key("admin", denied_permissions=(needed,))
        assert _status(panel, operation, targets, key) == 403
    denied = () if operation_data(operation.operation_id).bounded_by_caller else tuple(permissions - {needed})
    key = panel.key("admin", denied_permissions=denied)
    assert _status(panel, operation, targets, key) == _success(operation)
