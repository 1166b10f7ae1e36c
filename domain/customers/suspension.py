"""Suspend and reactivate customers: their credentials at once, their services by an operation."""

from dataclasses import replace
from datetime import datetime

from domain.customers.reading import get_existing
from domain.identity.access import Caller
from domain.model.customer import Customer, TenantStatus
from domain.model.operation import Kind, Operation
from domain.ports import Ports
from domain.ports.store import Work
from domain.work import queue
from domain.work.queue import Resource


def suspend_customer(ports: Ports, caller: Caller, customer_id: str) -> Operation:
    """End the credentials of a customer and queue the stop of its services. Its data stays.

    A repeated request stops what still runs, for example because the engine was away.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        customer = get_existing(work, customer_id)
        set_status(work, customer, TenantStatus.SUSPENDED, now)
        return _enqueue(work, now, caller, customer, Kind.SUSPEND_CUSTOMER)


def reactivate_customer(ports: Ports, caller: Caller, customer_id: str) -> Operation:
    """Make a customer's API keys and users valid again and queue the start of the services that its suspension stopped.

    Ended sessions stay so: people log in again.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        customer = get_existing(work, customer_id)
        set_status(work, customer, TenantStatus.ACTIVE, now)
        return _enqueue(work, now, caller, customer, Kind.REACTIVATE_CUSTOMER)


def set_status(work: Work, customer: Customer, status: TenantStatus, now: datetime) -> None:
    """Write the status of a customer. A suspended one loses its sessions; its credentials are invalid from then on."""
    if customer.status is not status:
        work.customers.save(replace(customer, status=status, updated_at=now))
    if status is TenantStatus.SUSPENDED:
        work.sessions.remove_of_customer(customer.id)


def _enqueue(work: Work, now: datetime, caller: Caller, customer: Customer, kind: Kind) -> Operation:
    """Return the operation of this kind that waits already, or a new one."""
    waiting = [operation for operation in queue.unfinished(work, customer.id) if operation.kind == kind]
    resource = Resource("customer", customer.id, None, lock_key=customer.id)
    return waiting[-1] if waiting else queue.enqueue(work, now, resource, kind, caller=caller)
