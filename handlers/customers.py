"""Handlers of the tag `customers`."""

from typing import Unpack

from domain import customers, operations
from domain.customers import creation
from domain.customers.changes import CustomerUpdate
from domain.customers.creation import CustomerCreate
from domain.customers.reading import ListCustomersParameters
from domain.customers.users import CustomerUserUpdate, ListCustomerUsersParameters
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.idempotency import Once
from handlers.openapi31 import Answer
from handlers.serializers import customers as serialize
from handlers.serializers.operations import operation as serialize_operation
from handlers.waiting import Creation, wait_for_creation, wait_for_deletion

_CREATION = Creation(creation.get_created, serialize.customer, creation.FIELDS_AT_FAULT)


def list_customers(ports: Ports, caller: Caller, **parameters: Unpack[ListCustomersParameters]) -> Answer:
    """GET /customers"""
    return answers.page(customers.list_customers(ports, caller, **parameters), serialize.customer)


async def create_customer(ports: Ports, caller: Caller, body: CustomerCreate, once: Once) -> Answer:
    """POST /customers"""
    return await wait_for_creation(
        ports, caller, lambda: once(lambda: customers.create_customer(ports, caller, body).id), _CREATION
    )


def get_customer(ports: Ports, caller: Caller, customer_id: str) -> Answer:
    """GET /customers/{customer_id}"""
    return answers.ok(customers.get_customer(ports, caller, customer_id), serialize.customer)


def update_customer(
    ports: Ports, caller: Caller, customer_id: str, body: CustomerUpdate, if_match: str | None = None
) -> Answer:
    """PATCH /customers/{customer_id}"""
    return answers.ok(customers.update_customer(ports, caller, customer_id, body, if_match), serialize.customer)


async def delete_customer(
    ports: Ports, caller: Caller, customer_id: str, cascade: bool = False, if_match: str | None = None
) -> Answer:
    """DELETE /customers/{customer_id}"""
    return await wait_for_deletion(
        ports,
        lambda: customers.delete_customer(ports, caller, customer_id, cascade=cascade, if_match=if_match),
        lambda operation_id: operations.get_operation(ports, caller, operation_id),
    )


def suspend_customer(ports: Ports, caller: Caller, customer_id: str) -> Answer:
    """POST /customers/{customer_id}/suspend"""
    return answers.accepted(customers.suspend_customer(ports, caller, customer_id), serialize_operation)


def reactivate_customer(ports: Ports, caller: Caller, customer_id: str) -> Answer:
    """POST /customers/{customer_id}/reactivate"""
    return answers.accepted(customers.reactivate_customer(ports, caller, customer_id), serialize_operation)


def get_customer_usage(ports: Ports, caller: Caller, customer_id: str) -> Answer:
    """GET /customers/{customer_id}/usage"""
    return answers.ok(customers.get_customer_usage(ports, caller, customer_id), serialize.customer_usage)


def list_customer_users(
    ports: Ports, caller: Caller, customer_id: str, **parameters: Unpack[ListCustomerUsersParameters]
) -> Answer:
    """GET /customers/{customer_id}/users"""
    return answers.page(
        customers.list_customer_users(ports, caller, customer_id, **parameters), serialize.customer_user
    )


def link_customer_user(
    ports: Ports,
    caller: Caller,
    customer_id: str,
    user_id: str,
    body: CustomerUserUpdate,
    if_match: str | None = None,
) -> Answer:
    """PUT /customers/{customer_id}/users/{user_id}"""
    linked = customers.link_customer_user(ports, caller, customer_id, user_id, body, if_match)
    return answers.ok(linked, serialize.customer_user)


def unlink_customer_user(
    ports: Ports, caller: Caller, customer_id: str, user_id: str, if_match: str | None = None
) -> Answer:
    """DELETE /customers/{customer_id}/users/{user_id}"""
    customers.unlink_customer_user(ports, caller, customer_id, user_id, if_match)
    return answers.no_content()
