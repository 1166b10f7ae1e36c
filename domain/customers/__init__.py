"""Customers: list, create, read, update, suspend and delete them, and their users."""

from domain.customers.changes import update_customer
from domain.customers.creation import create_customer
from domain.customers.deletion import delete_customer
from domain.customers.reading import get_customer, list_customers
from domain.customers.suspension import reactivate_customer, suspend_customer
from domain.customers.usage import get_customer_usage
from domain.customers.users import link_customer_user, list_customer_users, unlink_customer_user

__all__ = [
    "create_customer",
    "delete_customer",
    "get_customer",
    "get_customer_usage",
    "link_customer_user",
    "list_customer_users",
    "list_customers",
    "reactivate_customer",
    "suspend_customer",
    "unlink_customer_user",
    "update_customer",
]
