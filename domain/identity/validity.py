"""What a credential is worth now: its secret is current, nothing has expired, and the address is allowed."""

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

from domain.errors import Unauthenticated
from domain.identity import networks
from domain.identity.access import Caller, Credential
from domain.model.api_key import ApiKey
from domain.model.principal import Principal, PrincipalKind, kind_of
from domain.model.role import Role
from domain.model.session import Session
from domain.model.user import User
from domain.ports.store import Work

# No text has this digest: an unknown prefix costs the same comparisons as a known one, and never matches.
NO_KEY = ApiKey("", "", "", "0" * 64, Role.VIEWER, datetime.min.replace(tzinfo=UTC))


def matches_secret(key: ApiKey, digest: str, now: datetime) -> bool:
    """Return whether this is the digest of a secret that the key has now.

    Both digests are always compared, so that the duration tells nothing.
    """
    current = hmac.compare_digest(digest, key.digest)
    previous = hmac.compare_digest(digest, key.previous_digest or NO_KEY.digest)
    overlapping = key.previous_until is not None and now < key.previous_until
    return current or (previous and overlapping)


def is_active(session: Session, principal: Principal, now: datetime) -> bool:
    """Return whether a session has not ended, neither by its own time nor with its principal's authority."""
    return now < session.expires_at and _has_authority(principal, session.api_key_digest, now)


def active_filters(principal: Principal, now: datetime) -> dict[str, object]:
    """Return the filters of a list of sessions that have the principal's authority now: see `is_active`."""
    usable = not principal.grant.is_expired(now)
    if isinstance(principal, User):
        return {"user_id": principal.id if usable and principal.enabled else ()}
    return {"api_key_id": principal.id, "api_key_digest": _current_digests(principal, now) if usable else ()}


def _current_digests(key: ApiKey, now: datetime) -> tuple[str, ...]:
    """Return the digests of the secrets that the key has now: its last one, and the one before in its overlap."""
    candidates = (key.digest, key.previous_digest)
    return tuple(digest for digest in candidates if digest is not None and matches_secret(key, digest, now))


def is_valid(
    credential: Credential, principal: Principal | None, session: Session | None, address: str, now: datetime
) -> bool:
    """Return whether a credential that was sent from this address authenticates.

    `principal` and `session` are the stored ones that the credential names; None if they are gone.
    """
    if principal is None:
        return False
    if credential.session_id is None:
        active = isinstance(principal, ApiKey) and _has_authority(principal, credential.digest, now)
    else:
        active = session is not None and is_active(session, principal, now)
    return active and networks.allows(principal.allowed_ips, address)


def _has_authority(principal: Principal, digest: str | None, now: datetime) -> bool:
    current = principal.enabled if isinstance(principal, User) else matches_secret(principal, digest or "", now)
    return current and not principal.grant.is_expired(now)


def caller_for(
    principal: Principal, address: str = "", request_id: str = "", credential: Credential | None = None
) -> Caller:
    """Return the caller that a principal is.

    Without a credential, an API key counts as having sent its secret. A user has none: such a caller is not valid when
    it is checked again.
    """
    return Caller(
        id=principal.id,
        name=principal.name,
        grant=principal.grant,
        created_at=principal.created_at,
        kind=kind_of(principal),
        email=principal.email if isinstance(principal, User) else None,
        address=address,
        request_id=request_id,
        credential=credential or _own_credential(principal),
    )


def _own_credential(principal: Principal) -> Credential:
    digest = principal.digest if isinstance(principal, ApiKey) else None
    return Credential(kind_of(principal), principal.id, digest)


def get_principal(work: Work, kind: PrincipalKind, principal_id: str) -> Principal | None:
    """Return a stored principal; within `begin()` it is locked until the block ends."""
    return work.users.get(principal_id) if kind is PrincipalKind.USER else work.api_keys.get(principal_id)


def suspended_customers(work: Work, principals: Iterable[Principal]) -> frozenset[str]:
    """Return the suspended ones among the customers of these principals: no credential of theirs is valid."""
    return work.customers.suspended({principal.customer_id for principal in principals if principal.customer_id})


def lock_credential(work: Work, caller: Caller, now: datetime) -> tuple[Principal, Credential]:
    """Return the caller's principal, locked until the block ends, and the credential that it authenticated with.

    Raise Unauthenticated if the credential is not valid any more.
    """
    credential = caller.credential
    principal = get_principal(work, caller.kind, caller.id)
    session = work.sessions.get(caller.session_id) if caller.session_id else None
    if credential is None or principal is None or not is_valid(credential, principal, session, caller.address, now):
        raise invalid_credential()
    if suspended_customers(work, [principal]):
        raise invalid_credential()
    return principal, credential


def invalid_credential() -> Unauthenticated:
    """Return the refusal of a credential: the same whatever is wrong, so that nobody learns which keys exist."""
    return Unauthenticated(
        "A valid API key or session is needed", details="Send the key as: Authorization: Bearer aap_…"
    )
