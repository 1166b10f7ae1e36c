"""The current caller, its browser sessions, and how it logs out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypedDict, Unpack

from domain.identity import permissions, tokens
from domain.identity.access import Caller, not_found
from domain.identity.provider_sessions import end_provider_session
from domain.identity.validity import active_filters, get_principal, lock_credential
from domain.model.api_key import ApiKey
from domain.model.identifiers import new_id
from domain.model.principal import Principal, PrincipalKind
from domain.model.role import Role
from domain.model.session import Session
from domain.ports import Ports
from domain.ports.repository import Page
from domain.resources import queries

LIFETIME = timedelta(hours=12)
_MAX_DEVICE = 300


class ListSessionsParameters(TypedDict, total=False):
    """The query parameters of `list_sessions`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["created_at", "last_seen_at"]
    user_id: str


@dataclass(frozen=True)
class RateLimits:
    """Requests a minute."""

    authenticated: int
    deploy: int


@dataclass(frozen=True)
class CurrentUser:
    """The caller as it sees itself. An API key has no email address."""

    id: str
    email: str | None
    name: str
    role: Role
    customer_id: str | None
    permissions: tuple[str, ...]
    rate_limits: RateLimits
    created_at: datetime


@dataclass(frozen=True)
class SessionDetail:
    """A session; `current` if it is the one that the caller authenticated with."""

    session: Session
    current: bool = False


@dataclass(frozen=True)
class LoggedOut:
    """The session that has ended; None if the caller had none.

    `provider_session_ended` says whether the login at the identity provider has ended too; None if there was none.
    """

    session_id: str | None
    provider_session_ended: bool | None = None


def get_current_user(ports: Ports, caller: Caller) -> CurrentUser:
    """Return the caller with its effective permissions and rate limits."""
    settings = ports.settings
    authenticated = caller.grant.rate_limit_rpm or settings.rate_limit_authenticated
    return CurrentUser(
        id=caller.id,
        email=caller.email,
        name=caller.name,
        role=caller.role,
        customer_id=caller.customer_id,
        permissions=permissions.in_use(caller.permissions, ports.operations_by_permission),
        rate_limits=RateLimits(authenticated, settings.rate_limit_deploy),
        created_at=caller.created_at,
    )


def create_session(ports: Ports, caller: Caller, device: str = "") -> tuple[SessionDetail, str]:
    """Create a session of the caller's principal; return it with the value of its cookie.

    `device` is the client's User-Agent. The session ends with the API key's secret that the caller authenticated with.
    """
    now, cookie = ports.clock.now(), tokens.new_cookie()
    with ports.store.begin() as work:
        principal, credential = lock_credential(work, caller, now)
        session = new_session(principal, cookie, now, device=device, address=caller.address, digest=credential.digest)
        work.sessions.add(session)
    return SessionDetail(session), cookie


def new_session(
    principal: Principal, cookie: str, now: datetime, *, device: str, address: str, digest: str | None = None
) -> Session:
    """Return a session of a principal. `digest` is that of the API key's secret, with which the session ends."""
    is_key = isinstance(principal, ApiKey)
    return Session(
        id=new_id("ses"),
        digest=tokens.digest(cookie),
        api_key_id=principal.id if is_key else None,
        api_key_digest=digest,
        created_at=now,
        last_seen_at=now,
        expires_at=_end(principal, digest, now),
        device="".join(filter(str.isprintable, device))[:_MAX_DEVICE],
        ip=address,
        user_id=None if is_key else principal.id,
    )


def list_sessions(ports: Ports, caller: Caller, **parameters: Unpack[ListSessionsParameters]) -> Page[SessionDetail]:
    """Return the sessions of the caller, or of the principal `user_id`, that have not ended, newest first."""
    owner_id, now = parameters.get("user_id", caller.id), ports.clock.now()
    query = queries.query(
        parameters.get("page", 1),
        parameters.get("per_page", 20),
        parameters.get("sort", "created_at"),
        parameters.get("order", "desc"),
    )
    with ports.store.read() as work:
        owner = get_principal(work, _kind(owner_id), owner_id) if _sees_sessions(caller, owner_id) else None
        if owner is None:
            return Page([], 0, query.page, query.per_page)
        page = work.sessions.page(replace(query, filters=active_filters(owner, now), unexpired_at=now))
    return page.convert(lambda session: SessionDetail(session, session.id == caller.session_id))


def revoke_session(ports: Ports, caller: Caller, session_id: str) -> None:
    """End a session. Its requests and WebSocket connections end with it."""
    with ports.store.begin() as work:
        session = work.sessions.get(session_id)
        if session is None or not _sees_sessions(caller, session.principal_id):
            raise not_found("Session", session_id)
        work.sessions.remove(session_id)


def revoke_other_sessions(ports: Ports, caller: Caller) -> None:
    """End all sessions of the caller's principal except the one that it authenticated with."""
    with ports.store.begin() as work:
        # The principal is locked first, as it is when uses are written: two blocks that lock both never deadlock.
        get_principal(work, caller.kind, caller.id)
        work.sessions.remove_of(caller.kind, caller.id, except_id=caller.session_id)


def logout(ports: Ports, caller: Caller) -> LoggedOut:
    """End the session that the caller authenticated with, if there is one, and its login at the identity provider."""
    if not caller.session_id:
        return LoggedOut(None)
    with ports.store.read() as work:
        session = work.sessions.get(caller.session_id)
    ended = end_provider_session(ports, session) if session and session.sealed_id_token else None
    with ports.store.begin() as work:
        work.sessions.remove(caller.session_id)
    return LoggedOut(caller.session_id, ended)


def _kind(principal_id: str) -> PrincipalKind:
    return PrincipalKind.USER if principal_id.startswith("usr_") else PrincipalKind.API_KEY


def _sees_sessions(caller: Caller, owner_id: str) -> bool:
    return owner_id == caller.id or (caller.role is Role.ADMIN and caller.customer_id is None)


def _end(principal: Principal, digest: str | None, now: datetime) -> datetime:
    """Return when a session ends that is made now; a previous secret is valid no longer than its overlap."""
    rotated = isinstance(principal, ApiKey) and digest != principal.digest
    overlap = principal.previous_until if isinstance(principal, ApiKey) and rotated else None
    return min(filter(None, (now + LIFETIME, principal.expires_at, overlap)))
