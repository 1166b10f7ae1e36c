"""Handlers of the tag `users`. Roles and permissions come from tables in memory, so no thread is needed."""

from typing import Unpack

from domain import users
from domain.identity.access import Caller
from domain.ports import Ports
from domain.users import invitation
from domain.users.changes import UserUpdate
from domain.users.invitation import UserCreate
from domain.users.reading import ListUsersParameters
from domain.users.roles import ListPermissionsParameters, ListRolesParameters
from handlers import answers
from handlers.idempotency import Once
from handlers.openapi31 import Answer
from handlers.serializers import users as serialize
from handlers.waiting import Creation, wait_for_creation

_CREATION = Creation(
    invitation.get_created, serialize.invited_user, invitation.FIELDS_AT_FAULT, {"Cache-Control": "no-store"}
)


def list_users(ports: Ports, caller: Caller, **parameters: Unpack[ListUsersParameters]) -> Answer:
    """GET /users"""
    return answers.page(users.list_users(ports, caller, **parameters), serialize.user)


async def create_user(ports: Ports, caller: Caller, body: UserCreate, once: Once) -> Answer:
    """POST /users"""
    return await wait_for_creation(
        ports, caller, lambda: once(lambda: users.create_user(ports, caller, body).id), _CREATION
    )


def get_user(ports: Ports, caller: Caller, user_id: str) -> Answer:
    """GET /users/{user_id}"""
    return answers.ok(users.get_user(ports, caller, user_id), serialize.user_detail)


def update_user(ports: Ports, caller: Caller, user_id: str, body: UserUpdate, if_match: str | None = None) -> Answer:
    """PATCH /users/{user_id}"""
    return answers.ok(users.update_user(ports, caller, user_id, body, if_match=if_match), serialize.user_detail)


def delete_user(ports: Ports, caller: Caller, user_id: str, if_match: str | None = None) -> Answer:
    """DELETE /users/{user_id}"""
    users.delete_user(ports, caller, user_id, if_match=if_match)
    return answers.no_content()


async def list_roles(ports: Ports, caller: Caller, **parameters: Unpack[ListRolesParameters]) -> Answer:
    """GET /roles"""
    return answers.page(users.list_roles(ports, caller, **parameters), serialize.role)


async def list_permissions(ports: Ports, caller: Caller, **parameters: Unpack[ListPermissionsParameters]) -> Answer:
    """GET /permissions"""
    return answers.page(users.list_permissions(ports, caller, **parameters), serialize.permission)
