"""The roles that a grant can have."""

from enum import StrEnum


class Role(StrEnum):
    """A named set of permissions; `domain.identity.permissions` lists them."""

    ADMIN = "admin"
    OPERATOR = "operator"
    CUSTOMER = "customer"
    VIEWER = "viewer"


STAFF = (Role.ADMIN, Role.OPERATOR)
"""The roles of users who belong to no customer."""
