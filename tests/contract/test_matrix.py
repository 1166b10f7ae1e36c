"""Every operation and every kind of caller, from the document: who gets what it promises, who is refused and how."""

from dataclasses import dataclass

import pytest

from domain.identity.permissions import role_permissions
from domain.model.role import Role
from handlers.openapi31.operations import Operation
from tests.calls import OPERATIONS, WITH_ID, Things, body, error, permission, ready
from tests.contract.reading import table
from tests.operation_data import operation_data
from tests.panel import Panel

A, B = "cust_a", "cust_b"


@dataclass(frozen=True)
class Kind:
    """A kind of caller: a role, all of it or bound to a customer."""

    role: Role
    customer_id: str | None = None

    def __str__(self) -> str:
        return f"{self.role}-of-{self.customer_id}" if self.customer_id else str(self.role)


KINDS = [Kind(role, A) for role in Role] + [Kind(role) for role in Role if role is not Role.CUSTOMER]
STRANGERS = [Kind(role, B) for role in Role]


def _success(operation: Operation) -> int:
    return operation_data(operation.operation_id).plain_success or int(table()[operation.operation_id].success)


def _expected(operation: Operation, kind: Kind) -> int:
    needed = permission(operation)
    if needed and needed not in role_permissions(kind.role, staff=kind.customer_id is None):
        return 403
    if operation_data(operation.operation_id).owner_only and kind != Kind(Role.ADMIN):
        return 404  # a session is for the key that it was made with, and for admins of the whole panel
    return 404 if kind.customer_id == B and operation in WITH_ID else _success(operation)


def _got(panel: Panel, operation: Operation, things: Things, key: str | None) -> int:
    given = {"json": sent} if (sent := operation_data(operation.operation_id).body_for_all or body(operation)) else {}
    answered = things.ask(panel, operation, key=key, **given)
    if answered.status_code == 403:
        assert error(answered)["code"] == "forbidden"
    return answered.status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.operation_id)
def test_each_kind_of_caller_gets_what_the_document_says(panel: Panel, operation: Operation) -> None:
    things, expected, got = ready(panel, operation, A), {}, {}
    for kind in [*STRANGERS, *KINDS]:
        expected[str(kind)] = _expected(operation, kind)
        got[str(kind)] = _got(panel, operation, things, panel.key(kind.role, kind.customer_id))
        if got[str(kind)] < 300 and operation.method != "GET":
            things = ready(panel, operation, A)
    assert got == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.operation_id)
def test_without_a_credential_only_what_is_public_answers(panel: Panel, operation: Operation) -> None:
    expected = _success(operation) if operation.raw["x-permission"] == "public" else 401
    assert _got(panel, operation, ready(panel, operation, A), None) == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.operation_id)
def test_a_denied_permission_closes_its_operations_and_no_others(panel: Panel, operation: Operation) -> None:
    needed, things = permission(operation), ready(panel, operation, A)
    everything = set(panel.get("/auth/me").json()["permissions"])
    if needed:
        key = panel.key("admin", denied_permissions=(needed,))
        assert _got(panel, operation, things, key) == 403
    denied = () if operation_data(operation.operation_id).bounded_by_caller else tuple(everything - {needed})
    key = panel.key("admin", denied_permissions=denied)
    assert _got(panel, operation, things, key) == _success(operation)
