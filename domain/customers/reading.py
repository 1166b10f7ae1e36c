"""Read customers: the list, and one with its plan and what it uses."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

from domain.identity.access import Caller, not_found
from domain.model.customer import Customer, TenantStatus
from domain.model.subscription import Subscription
from domain.ports import Ports
from domain.ports.repositories.services import TotalDemand
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources.queries import query

_FILTERS = ("status", "plan_id", "organization_id")
WelcomeMail = Literal["sent", "not_configured"]


class ListCustomersParameters(TypedDict, total=False):
    """The query parameters of `list_customers`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["name", "created_at"]
    search: str
    status: TenantStatus
    plan_id: str
    organization_id: str


@dataclass(frozen=True)
class CustomerDetail:
    """A customer with its current subscription and what its services count for.

    `welcome_mail` says whether a new customer was sent one, `owner_id` is its first user; None if it is not new.
    """

    customer: Customer
    subscription: Subscription | None
    demand: TotalDemand
    welcome_mail: WelcomeMail | None = None
    owner_id: str | None = None

    @property
    def revision(self) -> int:
        """Return the revision of the customer."""
        return self.customer.revision


def list_customers(
    ports: Ports, _caller: Caller, **parameters: Unpack[ListCustomersParameters]
) -> Page[CustomerDetail]:
    """Return a page of customers. The filter `plan_id` compares with subscriptions that have not expired."""
    values: dict[str, Any] = {**parameters}
    filters = {name: values.pop(name, None) for name in _FILTERS}
    with ports.store.read() as work:
        return work.customers.page(query(**values, filters=filters)).convert(lambda customer: detail(work, customer))


def get_customer(ports: Ports, _caller: Caller, customer_id: str) -> CustomerDetail:
    """Return the customer, or raise NotFound."""
    with ports.store.read() as work:
        return detail(work, get_existing(work, customer_id))


def get_existing(work: Work, customer_id: str) -> Customer:
    """Return the customer, locked inside `begin()`. Raise NotFound if there is none."""
    customer = work.customers.get(customer_id)
    if customer is None:
        raise not_found("Customer", customer_id)
    return customer


def detail(work: Work, customer: Customer) -> CustomerDetail:
    """Return a customer with its subscription and what its services count for."""
    subscription = work.subscriptions.current_of_customer(customer.id)
    return CustomerDetail(customer, subscription, work.services.demand_of_customer(customer.id, ""))
