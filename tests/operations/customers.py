"""Test data of the tag `customers`."""

from uuid import uuid4

from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.user import User
from tests.operation_data import Body, OperationData, PathParameter, Resources
from tests.operations.organizations import create_organization
from tests.operations.plans import create_plan


def create_customer(resources: Resources) -> str:
    """Create a customer and return its ID."""
    body = {"name": "Acme", "contact_email": new_address(), "plan_id": create_plan(resources)}
    created = resources.panel.request_with_worker("POST", "/customers", json=body)
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


def create_customer_user(resources: Resources) -> str:
    """Add a user to the customer and return its ID."""
    user_id, ports = new_id("usr"), resources.panel.ports
    customer_id = resources.id("customer_id")
    user = User(user_id, "Ada", new_address(), user_id, Role.VIEWER, ports.clock.now(), customer_id=customer_id)
    with ports.store.begin() as work:
        work.users.add(user)
    return user_id


def new_address() -> str:
    """Return an email address that no account has, also at a Keycloak that several panels share."""
    return f"{uuid4().hex[:12]}@acme.example"


def usable(resources: Resources, example: Body) -> Body:
    """Return the example with a plan that exists and an address that no account has."""
    return {**example, "contact_email": new_address(), "plan_id": create_plan(resources)}


def in_organization(resources: Resources, example: Body) -> Body:
    """Return the example with an organization that exists, if it names one."""
    return {**example, "organization_id": create_organization(resources)} if example.get("organization_id") else example


PATH_PARAMETERS = {
    "customer_id": PathParameter(create_customer, "cust_01aaaaaaaaaaaaaaaaaaaaaaaa", tenant=False),
}
OPERATIONS = {
    "create_customer": OperationData(
        body_with=usable,
        other_body={"name": "Another", "contact_email": "it@other.example", "plan_id": "plan_1"},
        creates="customer_id",
        statuses=("422",),
        needs_worker=True,
    ),
    "update_customer": OperationData(body_with=in_organization, statuses=("422",)),
    "delete_customer": OperationData(needs_worker=True),
}
