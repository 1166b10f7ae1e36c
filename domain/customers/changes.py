"""Update a customer."""

from dataclasses import replace
from typing import TypedDict

from domain.customers.reading import CustomerDetail, detail, get_existing
from domain.identity.access import Caller, not_found
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions


class CustomerUpdate(TypedDict, total=False):
    """The body of `update_customer`."""

    name: str
    contact_email: str | None
    organization_id: str | None
    notes: str


def update_customer(
    ports: Ports, _caller: Caller, customer_id: str, body: CustomerUpdate, if_match: str | None = None
) -> CustomerDetail:
    """Apply a merge patch. Raise NotFound if the organization does not exist."""
    now = ports.clock.now()
    with ports.store.begin() as work:
        require_organization(work, body.get("organization_id"))
        customer = get_existing(work, customer_id)
        revisions.match(if_match, customer.revision, "customer")
        customer = replace(customer, **body, updated_at=now)
        work.customers.save(customer)
        return detail(work, customer)


def require_organization(work: Work, organization_id: str | None) -> None:
    """Lock an organization, before its customers as every rule does. Raise NotFound if it does not exist."""
    if organization_id is not None and work.organizations.get(organization_id) is None:
        raise not_found("Organization", organization_id)
