"""The creation of a user: whatever fails or dies, user and account are there in the end, or neither."""

from typing import Any

import pytest

from domain import users
from domain.adapters import memory
from domain.errors import Conflict, Invalid, Refusal, Unavailable
from domain.identity.access import Caller
from domain.model.customer import Customer
from domain.model.operation import Operation, OperationStatus
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.identity_provider import Account
from domain.ports.repository import Query
from domain.users.invitation import FIELDS_AT_FAULT, get_created
from domain.work.creation import continue_creation, refuse_failed
from handlers.program.worker import Worker
from tests.domain.faults import Killed, fail_once

ADA: Any = {"email": "ada@example.test", "name": "Ada Lovelace", "role": "operator"}


def _begin(ports: Ports, admin: Caller, **fields: Any) -> str:
    body: Any = {**ADA, **fields}
    return users.create_user(ports, admin, body).id


def _run(ports: Ports, operation_id: str) -> Operation:
    Worker(ports).run_until_idle()
    with ports.store.read() as work:
        operation = work.operations.get(operation_id)
    assert operation
    return operation


def _continue(ports: Ports, admin: Caller, operation_id: str) -> Operation:
    """Do what a request with the same Idempotency-Key does, with a worker."""
    return _run(ports, continue_creation(ports, admin, operation_id).id)


def _provider(ports: Ports) -> memory.IdentityProvider:
    assert isinstance(ports.identity_provider, memory.IdentityProvider)
    return ports.identity_provider


def _count(ports: Ports) -> tuple[int, int]:
    """Return the number of users and accounts."""
    with ports.store.read() as work:
        return work.users.page(Query()).total, len(_provider(ports).subjects())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_process_that_dies_at_the_account_leaves_it_to_the_next_one(
    ports: Ports, admin: Caller, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    operation_id = _begin(ports, admin)
    fail_once(monkeypatch, _provider(ports), "create_account", Killed(), after=after)
    with pytest.raises(Killed):
        Worker(ports).run_until_idle()
    assert _count(ports)[0] == 0
    ports.clock.sleep(3600)  # its lease is over
    assert _run(ports, operation_id).status is OperationStatus.SUCCEEDED
    assert _count(ports) == (1, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_fault_leaves_nothing_and_the_same_request_completes_it(
    ports: Ports, admin: Caller, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    operation_id = _begin(ports, admin)
    fault = RuntimeError("a fault that nobody foresaw")
    fail_once(monkeypatch, _provider(ports), "create_account", fault, after=after)
    failed = _run(ports, operation_id)
    assert (failed.status, _count(ports)) == (OperationStatus.FAILED, (0, 0))
    with pytest.raises(Refusal):
        refuse_failed(failed, FIELDS_AT_FAULT)
    completed = _continue(ports, admin, operation_id)
    assert (completed.status, completed.resource_id) == (OperationStatus.SUCCEEDED, failed.resource_id)
    assert _count(ports) == (1, 1)
    assert _continue(ports, admin, operation_id).id == completed.id, "what is complete is not done again"


def test_a_provider_that_does_not_answer_fails_the_creation_and_says_so(ports: Ports, admin: Caller) -> None:
    operation_id = _begin(ports, admin)
    _provider(ports).available = False
    with pytest.raises(Unavailable) as refused:
        refuse_failed(_run(ports, operation_id), FIELDS_AT_FAULT)
    assert refused.value.code == "identity_provider_unavailable"
    _provider(ports).available = True
    assert _continue(ports, admin, operation_id).status is OperationStatus.SUCCEEDED


def test_an_address_that_somebody_else_takes_meanwhile_is_refused(ports: Ports, admin: Caller) -> None:
    first, second = _begin(ports, admin), _begin(ports, admin)
    assert _run(ports, first).status is OperationStatus.SUCCEEDED
    with pytest.raises(Conflict) as refused:
        refuse_failed(_run(ports, second), FIELDS_AT_FAULT)
    assert (refused.value.code, _count(ports)) == ("account_exists", (1, 1))


def test_an_account_of_another_person_with_the_address_stays(ports: Ports, admin: Caller) -> None:
    _provider(ports).create_account(Account("usr_of_another_panel", ADA["email"], "Ada", Role.VIEWER))
    with pytest.raises(Conflict) as refused:
        refuse_failed(_run(ports, _begin(ports, admin)), FIELDS_AT_FAULT)
    assert (refused.value.code, _count(ports)) == ("account_exists", (0, 1))


def test_a_customer_that_is_deleted_meanwhile_leaves_neither_user_nor_account(ports: Ports, admin: Caller) -> None:
    now = ports.clock.now()
    with ports.store.begin() as work:
        work.customers.add(Customer("cust_1", "Acme", now, now))
    operation_id = _begin(ports, admin, role="customer", customer_id="cust_1")
    with ports.store.begin() as work:
        work.customers.remove("cust_1")
    with pytest.raises(Invalid) as refused:
        refuse_failed(_run(ports, operation_id), FIELDS_AT_FAULT)
    assert list(refused.value.fields) == ["customer_id"]
    assert _count(ports) == (0, 0)


def test_equal_requests_return_the_password_that_the_account_has(
    ports: Ports, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    create = _provider(ports).create_account

    def create_and_note(account: Account, password: str) -> str:
        given.append(password)
        return create(account)

    monkeypatch.setattr(ports.identity_provider, "create_account", create_and_note)
    operation = _run(ports, _begin(ports, admin))
    passwords = [get_created(ports, operation).first_password for _ in range(2)]
    assert passwords == [given[0], given[0]]
    assert given[0] not in repr(operation), "the operation has it encrypted"
    assert ADA["email"] not in repr(operation.options)
