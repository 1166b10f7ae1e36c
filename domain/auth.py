"""Who is calling, and the sessions that stand for an API key in a browser."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.identity import tokens, validity
from domain.identity.access import Caller, not_found
from domain.model.api_key import ApiKey
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.session import Session
from domain.ports import Ports
from domain.ports.store import Page
from domain.resources import queries

LIFETIME = timedelta(hours=12)
_LONGEST_DEVICE = 300
_MANY = 1000


@dataclass(frozen=True)
class RateLimits:
    """Requests a minute."""

    authenticated: int
    deploy: int


@dataclass(frozen=True)
class CurrentUser:
    """The caller as it sees itself; a key has no email."""

    id: str
    email: str | None
    name: str
    role: Role
    customer_id: str | None
    permissions: tuple[str, ...]
    rate_limits: RateLimits
    created_at: datetime


@dataclass(frozen=True)
class OwnSession:
    """A session as its owner sees it, who may be calling with this very one."""

    session: Session
    current: bool = False


@dataclass(frozen=True)
class LoggedOut:
    """The session that has ended, if the caller had one."""

    session_id: str | None


def get_current_user(ports: Ports, caller: Caller) -> CurrentUser:
    """Its effective permissions, and the limits that count for it."""
    settings = ports.settings
    return CurrentUser(
        id=caller.id,
        email=None,
        name=caller.name,
        role=caller.role,
        customer_id=caller.customer_id,
        permissions=tuple(sorted(caller.permissions)),
        rate_limits=RateLimits(caller.rate_limit_rpm or settings.rate_limit_authenticated, settings.rate_limit_deploy),
        created_at=caller.created_at,
    )


def create_session(ports: Ports, caller: Caller, device: str = "") -> tuple[OwnSession, str]:
    """A session of the caller's key and the text of its cookie; it ends with the secret that was shown for it."""
    now, text = ports.clock.now(), tokens.new_cookie()
    with ports.store.begin() as work:
        key, shown = validity.hold(work, caller, now)
        session = Session(
            id=new_id("ses"),
            digest=tokens.digest(text),
            api_key_id=key.id,
            api_key_digest=shown.digest,
            created_at=now,
            last_seen_at=now,
            expires_at=_end(key, shown.digest, now),
            device="".join(filter(str.isprintable, device))[:_LONGEST_DEVICE],
            ip=caller.address,
        )
        work.sessions.add(session)
    return OwnSession(session), text


def list_sessions(  # noqa: PLR0913 - as many as the list has parameters
    ports: Ports,
    caller: Caller,
    *,
    user_id: str | None = None,
    sort: str = "created_at",
    order: str = "desc",
    page: int = 1,
    per_page: int = 20,
) -> Page[OwnSession]:
    """Those that have not ended. A new secret ends them where they are kept, so they are looked at one by one."""
    owner_id, now = user_id or caller.id, ports.clock.now()
    query = queries.query(1, _MANY, sort, order, filters={"api_key_id": owner_id})
    with ports.store.read() as work:
        key = work.api_keys.get(owner_id) if _may_touch(caller, owner_id) else None
        kept = work.sessions.page(query).items if key else []
    living = [OwnSession(one, one.id == caller.session_id) for one in kept if key and validity.lives(one, key, now)]
    start = (page - 1) * per_page
    return Page(living[start : start + per_page], len(living), page, per_page)


def revoke_session(ports: Ports, caller: Caller, session_id: str) -> None:
    """Its requests and sockets end with it."""
    with ports.store.begin() as work:
        session = work.sessions.get(session_id)
        if session is None or not _may_touch(caller, session.api_key_id):
            raise not_found("Session", session_id)
        work.sessions.remove(session_id)


def revoke_other_sessions(ports: Ports, caller: Caller) -> None:
    """All of the caller's key but the one that it calls with."""
    with ports.store.begin() as work:
        work.api_keys.get(caller.id)  # locked first, as by whoever writes down uses: two who lock both never deadlock
        work.sessions.remove_of(caller.id, but=caller.session_id)


def logout(ports: Ports, caller: Caller) -> LoggedOut:
    """End the session that is calling; a key that was shown itself has none."""
    if caller.session_id:
        with ports.store.begin() as work:
            work.sessions.remove(caller.session_id)
    return LoggedOut(caller.session_id)


def _may_touch(caller: Caller, owner_id: str) -> bool:
    """Whether the sessions of this key exist for the caller."""
    return owner_id == caller.id or (caller.role is Role.ADMIN and caller.customer_id is None)


def _end(key: ApiKey, digest: str, now: datetime) -> datetime:
    """The secret before the last works no longer than its overlap."""
    overlap = key.previous_until if digest != key.digest else None
    return min(filter(None, (now + LIFETIME, key.expires_at, overlap)))
