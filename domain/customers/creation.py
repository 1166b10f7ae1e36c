"""Create a customer: everything that belongs to it, or nothing. The task `create_customer` does the work."""

import secrets
from dataclasses import replace
from typing import NotRequired, TypedDict

from domain.customers.changes import require_organization
from domain.customers.reading import CustomerDetail, detail, get_existing
from domain.identity.access import Caller
from domain.model.audit_event import FieldChange
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation, Option
from domain.model.subscription import Subscription
from domain.ports import Ports
from domain.ports.store import Work
from domain.subscriptions.changes import get_fitting_plan
from domain.work import queue
from domain.work.queue import Resource

FIELDS_AT_FAULT = {"mail_refused": "contact_email", "policy_refused": "plan_id"}
"""The field of the body for the code of a failure."""


class CustomerCreate(TypedDict):
    """The body of `create_customer`."""

    name: str
    contact_email: str
    plan_id: str
    contact_name: NotRequired[str]
    organization_id: NotRequired[str | None]
    notes: NotRequired[str]


def create_customer(ports: Ports, caller: Caller, body: CustomerCreate) -> Operation:
    """Queue the creation of a customer. Raise NotFound for an unknown plan or organization, Invalid for a wrong one.

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
        _record(work, customer_id, body)
        resource = Resource("customer", customer_id, None, lock_key=customer_id)
        return queue.enqueue(work, now, resource, Kind.CREATE_CUSTOMER, caller=caller, options=options)


def _record(work: Work, customer_id: str, body: CustomerCreate) -> None:
    changes = tuple(
        FieldChange(field, None, value)
        for field, value in (
            ("name", body["name"]),
            ("contact_email", body["contact_email"]),
            ("plan_id", body["plan_id"]),
        )
    )
    work.audit_events.record("create_customer", ("customer", customer_id), customer_id=customer_id, changes=changes)


def get_created(ports: Ports, operation: Operation) -> CustomerDetail:
    """Return the customer that a succeeded operation has created."""
    with ports.store.read() as work:
        created = detail(work, get_existing(work, operation.resource_id))
    sent, owner_id = bool(operation.options.get("mail_sent")), str(operation.options["user_id"])
    return replace(created, welcome_mail="sent" if sent else "not_configured", owner_id=owner_id)
