"""Principals: what a credential can belong to, and deploy hooks."""

from enum import StrEnum

from domain.model.api_key import ApiKey
from domain.model.user import User

Principal = ApiKey | User


class PrincipalKind(StrEnum):
    """The kinds of principals. A deploy hook is one while it deploys its service; it has no credential of its own."""

    API_KEY = "api_key"
    USER = "user"
    DEPLOY_HOOK = "deploy_hook"


def kind_of(principal: Principal) -> PrincipalKind:
    """Return the kind of a principal."""
    return PrincipalKind.USER if isinstance(principal, User) else PrincipalKind.API_KEY
