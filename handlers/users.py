"""Handlers of the tag `users`. Roles and permissions come from tables in memory, so no thread is needed."""

from typing import Unpack

from domain import users
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import users as serialize


async def list_roles(ports: Ports, caller: Caller, **parameters: Unpack[users.ListRolesParameters]) -> Answer:
    """GET /roles"""
    return answers.page(users.list_roles(ports, caller, **parameters), serialize.role)


async def list_permissions(
    ports: Ports, caller: Caller, **parameters: Unpack[users.ListPermissionsParameters]
) -> Answer:
    """GET /permissions"""
    return answers.page(users.list_permissions(ports, caller, **parameters), serialize.permission)
