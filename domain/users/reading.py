"""Read users: the list, and one with its permissions."""

from dataclasses import dataclass, replace
from typing import Literal, TypedDict, Unpack

from domain.identity.access import Caller, not_found
from domain.identity.permissions import granted, in_use
from domain.model.role import Role
from domain.model.user import User
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources.queries import list_query

Status = Literal["active", "invited", "disabled"]
_STORED = {
    "active": {"enabled": True, "invited": False},
    "invited": {"enabled": True, "invited": True},
    "disabled": {"enabled": False},
}


class ListUsersParameters(TypedDict, total=False):
    """The query parameters of `list_users`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    search: str
    customer_id: str
    sort: Literal["name", "created_at", "last_seen_at"]
    role: Role
    status: Status


@dataclass(frozen=True)
class UserDetail:
    """A user and the permissions that it has, as far as an operation needs them."""

    user: User
    permissions: tuple[str, ...]

    @property
    def revision(self) -> int:
        """The user's revision."""
        return self.user.revision


def list_users(ports: Ports, caller: Caller, **parameters: Unpack[ListUsersParameters]) -> Page[User]:
    """Return a page of users."""
    query = list_query(caller, parameters, ("role",))
    stored = _STORED.get(parameters.get("status", ""), {})
    with ports.store.read() as work:
        return work.users.page(replace(query, filters={**query.filters, **stored}))


def get_user(ports: Ports, _caller: Caller, user_id: str) -> UserDetail:
    """Return the user, or raise NotFound."""
    with ports.store.read() as work:
        return detail(ports, get_existing(work, user_id))


def get_existing(work: Work, user_id: str) -> User:
    """Return the user, or raise NotFound."""
    user = work.users.get(user_id)
    if user is None:
        raise not_found("User", user_id)
    return user


def detail(ports: Ports, user: User) -> UserDetail:
    """Return a user with its permissions."""
    return UserDetail(user, in_use(granted(user.grant), ports.operations_by_permission))
