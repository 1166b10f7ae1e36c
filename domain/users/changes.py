"""Update and delete users, and end what they may no longer do."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypedDict

from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.access import Caller, not_found
from domain.identity.permissions import RANK
from domain.model.api_key import ApiKey
from domain.model.principal import PrincipalKind
from domain.model.role import Role
from domain.model.user import User
from domain.ports import Ports
from domain.ports.repository import Query
from domain.ports.store import Work
from domain.resources import revisions
from domain.users.invitation import account_of, check_customer, check_role
from domain.users.reading import UserDetail, detail, get_existing

_MANY = 1000


class UserUpdate(TypedDict, total=False):
    """The body of `update_user`."""

    name: str
    role: Role
    enabled: bool


def update_user(
    ports: Ports, caller: Caller, user_id: str, body: UserUpdate, if_match: str | None = None
) -> UserDetail:
    """Change a user, then its account. Sessions and API keys that go beyond the change end with it.

    Raise Forbidden for the caller's own role or a role above it, Conflict for the last admin or owner, and Unavailable
    if the identity provider does not answer: then the panel obeys the change already, and repeating it completes it.
    """
    with ports.store.begin() as work:
        before = lock_user(work, user_id)
        revisions.match(if_match, before.revision, "user")
        user = replace(before, **{**body, "role": Role(body.get("role", before.role))})  # type: ignore[arg-type]
        _check_authority(caller, before, user)
        check_customer(user.role, user.customer_id)
        if _loses_authority(before, user):
            require_successor(work, before)
            end_credentials(work, user)
        if user != before:
            work.users.save(user)
    update_account(ports, user, ended=_loses_authority(before, user))
    return detail(ports, user)


def delete_user(ports: Ports, caller: Caller, user_id: str, if_match: str | None = None) -> None:
    """Disable a user, delete its account, then the user itself. Repeating it after a failure completes it.

    Raise Forbidden for the caller itself, Conflict for the last admin or owner.
    """
    with ports.store.begin() as work:
        user = lock_user(work, user_id)
        revisions.match(if_match, user.revision, "user")
        _check_authority(caller, user, replace(user, enabled=False))
        require_successor(work, user)
        disabled = replace(user, enabled=False)
        end_credentials(work, disabled)
        if ports.identity_provider is None:
            work.users.remove(user_id)
        elif user.enabled:
            work.users.save(disabled)
    if ports.identity_provider is not None:
        ports.identity_provider.delete_account(user.subject)
        with ports.store.begin() as work:
            work.users.remove(user_id)


def lock_user(work: Work, user_id: str) -> User:
    """Return the user, locked after its keys, as every block locks them.

    All who could be the last of their kind are locked, in the order of their IDs, so that two do not go at once.
    """
    for key_id in sorted(key.id for key in _keys_of(work, user_id)):
        work.api_keys.get(key_id)
    user = work.users.get_many([user_id]).get(user_id)
    if user is None:
        raise not_found("User", user_id)
    locked = {other.id: work.users.get(other.id) for other in sorted(_peers(work, user), key=lambda other: other.id)}
    return locked.get(user_id) or get_existing(work, user_id)


def _peers(work: Work, user: User) -> list[User]:
    """Return the active users with the user's role and customer, which may be the user itself."""
    filters = {"role": user.role, "customer_id": user.customer_id, "enabled": True, "invited": False}
    return work.users.page(Query(filters=filters, per_page=_MANY)).items


def _check_authority(caller: Caller, before: User, after: User) -> None:
    if before.id == caller.id and (after.role, after.enabled) != (before.role, before.enabled):
        raise Forbidden("You cannot change your own role, or disable or delete yourself", details="Ask another admin")
    check_role(caller, before.role)
    check_role(caller, after.role)


def _loses_authority(before: User, after: User) -> bool:
    return (before.enabled and not after.enabled) or RANK[after.role] < RANK[before.role]


def require_successor(work: Work, user: User) -> None:
    """Raise Conflict if the user is the last active admin, or the last active owner of its customer."""
    if [peer.id for peer in _peers(work, user)] != [user.id]:
        return
    advice = "Give another user the role first"
    if user.role is Role.ADMIN:
        raise Conflict(f"{user.name} is the last admin", code="last_admin", details=advice)
    if user.role is Role.CUSTOMER:
        raise Conflict(f"{user.name} is the last owner of the customer", code="last_owner", details=advice)


def end_credentials(work: Work, user: User) -> None:
    """Remove the user's sessions, and its API keys if it is disabled or they can do more than it.

    Its API keys are those that it made, and those that were made with them.
    """
    work.sessions.remove_of(PrincipalKind.USER, user.id)
    for key in list(_keys_of(work, user.id)):
        if not user.enabled or RANK[key.role] > RANK[user.role]:
            work.api_keys.remove(key.id)


def _keys_of(work: Work, maker_id: str) -> Iterator[ApiKey]:
    """Yield the keys that a principal made, and those that these keys made."""
    page = 1
    while True:
        made = work.api_keys.page(Query(filters={"created_by": maker_id}, sort="created_at", page=page, per_page=_MANY))
        for key in made.items:
            yield key
            yield from _keys_of(work, key.id)
        if not made.has_more:
            return
        page += 1


def update_account(ports: Ports, user: User, *, ended: bool) -> None:
    """Update the user's account at the identity provider, and with `ended` end its sessions there.

    The account may be missing: then the user cannot log in anyway.
    """
    if ports.identity_provider is None:
        return
    try:
        ports.identity_provider.update_account(user.subject, account_of(user))
        if ended:
            ports.identity_provider.end_sessions(user.subject)
    except NotFound:
        return
