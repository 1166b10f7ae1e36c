"""The JSON of users, roles and permissions."""

from domain.model.user import User
from domain.users.invitation import InvitedUser
from domain.users.reading import UserDetail
from domain.users.roles import Permission, RoleGrant
from handlers.serializers.values import Json, timestamp


def user(row: User) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "role": row.role,
        "customer_id": row.customer_id,
        "status": "disabled" if not row.enabled else "invited" if row.invited else "active",
        "invited_until": timestamp(row.invited_until),
        "created_at": timestamp(row.created_at),
        "last_seen_at": timestamp(row.last_seen_at),
    }


def user_detail(detail: UserDetail) -> Json:
    return {**user(detail.user), "permissions": detail.permissions}


def invited_user(invited: InvitedUser) -> Json:
    return {**user_detail(invited.detail), "first_password": invited.first_password}


def role(grant: RoleGrant) -> Json:
    return {"name": grant.name, "description": grant.description, "permissions": grant.permissions}


def permission(result: Permission) -> Json:
    return {"name": result.name, "operations": result.operations}
