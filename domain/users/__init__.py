"""Users: list, invite, read, update and delete them; roles and permissions."""

from domain.users.changes import delete_user, update_user
from domain.users.invitation import create_user
from domain.users.reading import get_user, list_users
from domain.users.roles import list_permissions, list_roles

__all__ = [
    "create_user",
    "delete_user",
    "get_user",
    "list_permissions",
    "list_roles",
    "list_users",
    "update_user",
]
