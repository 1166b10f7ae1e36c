"""Delete a customer with its users and API keys; the task `delete_customer` does the work."""

from domain.customers.reading import get_existing
from domain.customers.suspension import set_status
from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.customer import TenantStatus
from domain.model.operation import Kind, Operation
from domain.ports import Ports
from domain.resources import revisions
from domain.resources.dry_run import Outcome
from domain.work import queue
from domain.work.queue import Resource


def delete_customer(
    ports: Ports, caller: Caller, customer_id: str, *, cascade: bool = False, if_match: str | None = None
) -> Outcome[Operation]:
    """Queue the deletion of a customer and suspend it until then, so that nothing new appears meanwhile.

    Raise Conflict while it has services, unless `cascade` deletes them with their data. A repeated request returns the
    operation that is already queued or running.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        customer = get_existing(work, customer_id)
        revisions.match(if_match, customer.revision, "customer")
        services = work.services.demand_of_customer(customer_id, "").services
        if services and not cascade:
            raise Conflict(
                f"Cannot delete {customer.name}: it has {services} services",
                code="in_use",
                details="Delete them first, or with the customer: cascade=true",
            )
        for operation in queue.unfinished(work, customer_id):
            if operation.kind == Kind.DELETE_CUSTOMER:
                return Outcome(operation)
        set_status(work, customer, TenantStatus.SUSPENDED, now)
        resource = Resource("customer", customer_id, None, lock_key=customer_id)
        return Outcome(queue.enqueue(work, now, resource, Kind.DELETE_CUSTOMER, caller=caller))
