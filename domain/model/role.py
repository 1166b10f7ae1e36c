"""The roles of callers."""

from enum import StrEnum


class Role(StrEnum):
    """What a caller is; `domain.access` says what each may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    CUSTOMER = "customer"
    VIEWER = "viewer"
