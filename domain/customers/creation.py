"""Create a customer: everything that belongs to it, or nothing. The task `create_customer` does the work."""

import secrets
from dataclasses import replace
from typing import NotRequired, TypedDict

from domain.customers.changes import require_organization
from domain.customers.reading import CustomerDetail, detail, get_existing
from domain.errors import Conflict, Invalid, Refusal, Unavailable
from domain.identity.access import Caller
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation, OperationStatus, Option
from domain.model.subscription import Subscription
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources.queries import query
from domain.subscriptions.changes import get_fitting_plan
from domain.work import queue
from domain.work.queue import Resource

_UNDONE = (OperationStatus.FAILED, OperationStatus.CANCELLED, OperationStatus.ROLLED_BACK)


class CustomerCreate(TypedDict):
    """The body of `create_customer`."""

    name: str
    contact_email: str
    plan_id: str
    contact_name: NotRequired[str]
    organization_id: NotRequired[str | None]
    notes: NotRequired[str]


def create_customer(ports: Ports, caller: Caller, body: CustomerCreate) -> Operation:
    """Queue the creation of a customer. Raise Invalid if plan or organization do not exist or do not fit.

    The customer exists as soon as the operation has succeeded. The operation holds all that the task needs, the first
    password encrypted.
    """
    now, password = ports.clock.now(), ports.vault.encrypt(secrets.token_urlsafe(12))
    options: dict[str, Option] = {
        "name": body["name"],
        "contact_email": body["contact_email"],
        "contact_name": body.get("contact_name", body["name"]),
        "plan_id": body["plan_id"],
        "organization_id": body.get("organization_id"),
        "notes": body.get("notes", ""),
        "subscription_id": new_id("sub"),
        "user_id": new_id("usr"),
        "password": password,
    }
    customer_id = new_id("cust")
    with ports.store.begin() as work:
        require_organization(work, body.get("organization_id"))
        get_fitting_plan(work, Subscription("", body["plan_id"], now, now, customer_id=customer_id))
        resource = Resource("customer", customer_id, None, lock_key=customer_id)
        return queue.enqueue(work, now, resource, Kind.CREATE_CUSTOMER, caller=caller, options=options)


def continue_creation(ports: Ports, caller: Caller, operation_id: str) -> Operation:
    """Return the operation that creates the customer of an earlier one: a new one if that has failed and was undone.

    A repeated request with the same Idempotency-Key so completes what the first one could not. Raise Conflict if the
    operation is no longer kept.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        first = work.operations.get(operation_id)
        if first is None:
            raise Conflict("The creation of this customer is no longer kept", details="Use another Idempotency-Key")
        newest = _newest(work, first)
        if newest.status not in _UNDONE:
            return newest
        resource = Resource("customer", newest.resource_id, None, lock_key=newest.lock_key)
        return queue.enqueue(work, now, resource, Kind.CREATE_CUSTOMER, caller=caller, options=newest.options)


def get_created(ports: Ports, operation: Operation) -> CustomerDetail:
    """Return the customer that a succeeded operation has created."""
    with ports.store.read() as work:
        created = detail(work, get_existing(work, operation.resource_id))
    sent, owner_id = bool(operation.options.get("mail_sent")), str(operation.options["user_id"])
    return replace(created, welcome_mail="sent" if sent else "not_configured", owner_id=owner_id)


def refuse_failed(operation: Operation) -> None:
    """Raise what the failure of a creation means for the request; return if it has not failed."""
    failure = operation.failure
    if failure is None:
        return
    message, details = f"The customer was not created: {failure.message}", f"See GET /api/operations/{operation.id}"
    refusals: dict[str, Refusal] = {
        "account_exists": Conflict(message, code="account_exists", details=details),
        "cancelled": Conflict(message, code="wrong_state", details=details),
        "mail_refused": Invalid({"contact_email": f"The mail server refuses it: {failure.message}"}),
        "policy_refused": Invalid({"plan_id": failure.message}),
        "mail_unavailable": Unavailable(message, code="mail_unavailable", details=details),
        "identity_provider_unavailable": Unavailable(message, code="identity_provider_unavailable", details=details),
    }
    raise refusals.get(failure.code) or Unavailable(message, code="unavailable", details=details)


def _newest(work: Work, operation: Operation) -> Operation:
    filters = {"resource_id": operation.resource_id, "kind": Kind.CREATE_CUSTOMER.value}
    page = work.operations.page(query(filters=filters, per_page=1))
    return page.items[0] if page.items else operation
