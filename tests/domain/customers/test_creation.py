"""The creation of a customer: whatever fails or dies, all of it is there in the end, or nothing."""

from dataclasses import replace
from typing import Any

import pytest

from domain import customers
from domain.adapters import memory
from domain.customers.creation import FIELDS_AT_FAULT, get_created
from domain.errors import Refusal, Unavailable
from domain.identity.access import Caller
from domain.model.operation import Operation, OperationStatus
from domain.model.plan import Plan, PlanKind
from domain.ports import Ports
from domain.ports.mailer import MailRefused
from domain.ports.repository import Query
from domain.work.creation import continue_creation, refuse_failed
from handlers.program.worker import Worker
from tests.domain.faults import Killed, fail_once

ADDRESS = "it@acme.example"


@pytest.fixture
def plan_id(ports: Ports) -> str:
    now = ports.clock.now()
    with ports.store.begin() as work:
        work.plans.add(Plan("plan_1", "Small", PlanKind.CUSTOMER, now, now))
    return "plan_1"


def _begin(ports: Ports, admin: Caller, plan_id: str) -> str:
    body: Any = {"name": "Acme", "contact_email": ADDRESS, "plan_id": plan_id}
    return customers.create_customer(ports, admin, body).id


def _continue(ports: Ports, admin: Caller, operation_id: str) -> Operation:
    """Do what a request with the same Idempotency-Key does, with a worker."""
    begun = continue_creation(ports, admin, operation_id)
    Worker(ports).run_until_idle()
    with ports.store.read() as work:
        operation = work.operations.get(begun.id)
    assert operation
    return operation


def _subjects(ports: Ports) -> list[str]:
    assert isinstance(ports.identity_provider, memory.IdentityProvider)
    return ports.identity_provider.subjects()


def _count(ports: Ports) -> tuple[int, int, int, int]:
    """Return the number of customers, subscriptions, users and accounts."""
    with ports.store.read() as work:
        rows = [repository.page(Query()).total for repository in (work.customers, work.subscriptions, work.users)]
    return rows[0], rows[1], rows[2], len(_subjects(ports))


STEPS = [("identity_provider", "create_account"), ("mailer", "send")]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=".".join)
def test_a_process_that_dies_leaves_nothing_half_and_the_next_one_completes_it(
    ports: Ports, admin: Caller, plan_id: str, monkeypatch: pytest.MonkeyPatch, step: tuple[str, str], after: bool
) -> None:
    operation_id = _begin(ports, admin, plan_id)
    fail_once(monkeypatch, getattr(ports, step[0]), step[1], Killed(), after=after)
    with pytest.raises(Killed):
        Worker(ports).run_until_idle()
    assert _count(ports)[:3] == (0, 0, 0)
    ports.clock.sleep(3600)  # its lease is over
    assert _continue(ports, admin, operation_id).status is OperationStatus.SUCCEEDED
    assert _count(ports) == (1, 1, 1, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "fault",
    [
        (STEPS[0], RuntimeError("a fault that nobody foresaw")),
        (STEPS[1], MailRefused("it answers with the code 550")),
        (STEPS[1], RuntimeError("a fault that nobody foresaw")),
    ],
    ids=["account", "refused-mail", "mail"],
)
def test_a_step_that_fails_leaves_nothing_and_the_same_request_completes_it(
    ports: Ports,
    admin: Caller,
    plan_id: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: tuple[tuple[str, str], Exception],
    after: bool,
) -> None:
    operation_id = _begin(ports, admin, plan_id)
    (port, method), error = fault
    fail_once(monkeypatch, getattr(ports, port), method, error, after=after)
    failed = _run(ports, operation_id)
    assert failed.status is OperationStatus.FAILED
    assert _count(ports) == (0, 0, 0, 0)
    with pytest.raises(Refusal):
        refuse_failed(failed, FIELDS_AT_FAULT)
    completed = _continue(ports, admin, operation_id)
    assert (completed.status, completed.resource_id) == (OperationStatus.SUCCEEDED, failed.resource_id)
    assert _count(ports) == (1, 1, 1, 1)
    assert _continue(ports, admin, operation_id).id == completed.id, "what is complete is not done again"


def _run(ports: Ports, operation_id: str) -> Operation:
    Worker(ports).run_until_idle()
    with ports.store.read() as work:
        operation = work.operations.get(operation_id)
    assert operation
    return operation


def test_a_plan_that_is_deleted_meanwhile_leaves_nothing(ports: Ports, admin: Caller, plan_id: str) -> None:
    operation_id = _begin(ports, admin, plan_id)
    with ports.store.begin() as work:
        work.plans.remove(plan_id)
    failed = _run(ports, operation_id)
    assert (failed.failure and failed.failure.code) == "policy_refused"
    assert _count(ports) == (0, 0, 0, 0)


def test_an_identity_provider_that_does_not_answer_fails_the_creation_and_says_so(
    ports: Ports, admin: Caller, plan_id: str
) -> None:
    assert isinstance(ports.identity_provider, memory.IdentityProvider)
    operation_id = _begin(ports, admin, plan_id)
    ports.identity_provider.available = False
    with pytest.raises(Unavailable) as refused:
        refuse_failed(_run(ports, operation_id), FIELDS_AT_FAULT)
    assert refused.value.code == "identity_provider_unavailable"
    ports.identity_provider.available = True
    assert _continue(ports, admin, operation_id).status is OperationStatus.SUCCEEDED


def test_a_mail_server_that_does_not_answer_fails_the_creation_and_says_so(
    ports: Ports, admin: Caller, plan_id: str
) -> None:
    assert isinstance(ports.mailer, memory.Mailer)
    operation_id = _begin(ports, admin, plan_id)
    ports.mailer.available = False
    with pytest.raises(Unavailable) as refused:
        refuse_failed(_run(ports, operation_id), FIELDS_AT_FAULT)
    assert (refused.value.code, _count(ports)) == ("mail_unavailable", (0, 0, 0, 0))


def test_without_mail_server_and_identity_provider_the_answer_says_that_no_mail_was_sent(
    ports: Ports, admin: Caller, plan_id: str
) -> None:
    alone = replace(ports, mailer=None, identity_provider=None)
    operation = _run(alone, _begin(alone, admin, plan_id))
    created = get_created(alone, operation)
    assert (created.welcome_mail, created.customer.contact_email) == ("not_configured", ADDRESS)
    assert _count(ports) == (1, 1, 1, 0)


def test_the_first_password_is_only_in_the_mail(ports: Ports, admin: Caller, plan_id: str) -> None:
    assert isinstance(ports.mailer, memory.Mailer)
    operation_id = _begin(ports, admin, plan_id)
    with ports.store.read() as work:
        queued = work.operations.get(operation_id)
    assert queued
    password = ports.vault.decrypt(str(queued.options["password"]))
    assert "password" not in _run(ports, operation_id).options
    assert password in ports.mailer.sent[0].text
