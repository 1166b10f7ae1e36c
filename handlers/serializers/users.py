"""The JSON of roles and permissions."""

from domain import users
from handlers.serializers.values import Json


def role(grant: users.RoleGrant) -> Json:
    return {"name": grant.name, "description": grant.description, "permissions": grant.permissions}


def permission(result: users.Permission) -> Json:
    return {"name": result.name, "operations": result.operations}
