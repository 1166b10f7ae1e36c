"""What a credential is worth now: the secret is still the key's, nothing has expired, the address is right."""

import hmac
from datetime import UTC, datetime

from domain.errors import Unauthenticated
from domain.identity import networks
from domain.identity.access import PERMISSIONS, Caller, Credential
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.model.session import Session
from domain.ports.store import Work

# No text has this digest: an unknown prefix is compared like a known one, and never matches.
NOBODY = ApiKey("", "", "", "0" * 64, Role.VIEWER, datetime.min.replace(tzinfo=UTC))


def permissions(key: ApiKey) -> frozenset[str]:
    """What a key may do: its role's permissions but for the denied ones."""
    return PERMISSIONS[key.role] - frozenset(key.denied_permissions)


def expired(key: ApiKey, now: datetime) -> bool:
    """From the very moment of its expiry on."""
    return key.expires_at is not None and key.expires_at <= now


def opens(key: ApiKey, digest: str, now: datetime) -> bool:
    """Whether this is the digest of a secret that is good; both are always compared, so that time tells nothing."""
    current = hmac.compare_digest(digest, key.digest)
    previous = hmac.compare_digest(digest, key.previous_digest or NOBODY.digest)
    overlapping = key.previous_until is not None and now < key.previous_until
    return (current or (previous and overlapping)) and not expired(key, now)


def lives(session: Session, key: ApiKey, now: datetime) -> bool:
    """Whether a session has not ended: by itself, or with the secret that it was made with."""
    return now < session.expires_at and opens(key, session.api_key_digest, now)


def good(shown: Credential, key: ApiKey, session: Session | None, address: str, now: datetime) -> bool:
    """Whether what was shown from this address lets anybody in; `key` and `session` are what the store has of it."""
    opened = opens(key, shown.digest, now) and networks.admits(key.allowed_ips, address)
    return opened and (shown.session_id is None or (session is not None and now < session.expires_at))


def caller(key: ApiKey, address: str = "", request_id: str = "", credential: Credential | None = None) -> Caller:
    """Who a key makes its bearer."""
    return Caller(
        id=key.id,
        name=key.name,
        role=key.role,
        permissions=permissions(key),
        created_at=key.created_at,
        customer_id=key.customer_id,
        rate_limit_rpm=key.rate_limit_rpm,
        address=address,
        request_id=request_id,
        credential=credential or Credential(key.id, key.digest),
    )


def hold(work: Work, caller: Caller, now: datetime) -> tuple[ApiKey, Credential]:
    """The caller's key and what it showed of it, locked until the block ends; raises when that is not good any more."""
    shown = caller.credential
    key = work.api_keys.get(caller.id) or NOBODY
    session = work.sessions.get(caller.session_id) if caller.session_id else None
    if shown is None or not good(shown, key, session, caller.address, now):
        raise unknown()
    return key, shown


def unknown() -> Unauthenticated:
    """The same words whatever was wrong, so that nobody learns which keys exist."""
    return Unauthenticated(
        "A valid API key or session is needed", details="Send the key as: Authorization: Bearer aap_…"
    )
