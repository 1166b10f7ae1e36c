"""Changes of API keys: update, rotate and revoke."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.api_keys import bounds, fields
from domain.api_keys.creation import lock_maker
from domain.api_keys.fields import ApiKeyRotation, ApiKeyUpdate
from domain.api_keys.reading import NOUN, get_visible
from domain.errors import Conflict, Forbidden
from domain.identity import networks, tokens
from domain.identity.access import Caller
from domain.identity.permissions import granted
from domain.model.api_key import ApiKey
from domain.model.principal import Principal
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.repository import Query
from domain.ports.store import Work
from domain.resources import revisions

_MANY = 1000
_LAST_ADMIN = "This is the last key that can administer the panel"


def update_api_key(
    ports: Ports, caller: Caller, api_key_id: str, body: ApiKeyUpdate, if_match: str | None = None
) -> ApiKey:
    """Change a key and return it. Neither the key before nor the key after may go beyond the caller's grant.

    Raise Conflict if the change would lock the last admin key out.
    """
    now, read = ports.clock.now(), fields.read(ports, body)
    with ports.store.begin() as work:
        case = _lock(work, caller, api_key_id, now)
        _refuse_greater(bounds.excess(case.key.grant, case.maker.grant))
        revisions.match(if_match, case.key.revision, NOUN)
        key = replace(case.key, **read.values)
        if read.values.keys() & {"role", "denied_permissions"}:
            key.denied_permissions = bounds.inherited_denials(key.grant, case.maker.grant)
        problems = read.problems | fields.missing(key)
        if "rate_limit_rpm" in read.values:
            default = ports.settings.rate_limit_authenticated
            problems |= bounds.rate_excess(key.rate_limit_rpm, case.maker.grant, default)
        fields.refuse(problems | bounds.excess(key.grant, case.maker.grant))
        if case.is_last_admin:
            _refuse_lockout(case.key, key, caller.address)
        work.api_keys.save(key)
    return key


def rotate_api_key(
    ports: Ports, caller: Caller, api_key_id: str, body: ApiKeyRotation | None = None
) -> tuple[ApiKey, str]:
    """Give a key a new secret under the same prefix; return the key with its new text.

    The old secret is valid for `overlapSeconds` more. The caller learns the new secret, so the key may not go beyond
    the caller's grant.
    """
    now = ports.clock.now()
    overlap = timedelta(seconds=(body or {}).get("overlapSeconds", 0))
    with ports.store.begin() as work:
        case = _lock(work, caller, api_key_id, now)
        _refuse_greater(bounds.excess(case.key.grant, case.maker.grant))
        text = tokens.new_api_key(case.key.prefix)
        key = replace(
            case.key,
            digest=tokens.digest(text),
            previous_digest=case.key.digest if overlap else None,
            previous_until=now + overlap if overlap else None,
        )
        work.api_keys.save(key)
    return key, text


def revoke_api_key(ports: Ports, caller: Caller, api_key_id: str, if_match: str | None = None) -> None:
    """Remove a key with its sessions and tickets.

    The caller gains nothing by it, so only the key's permissions are compared: a key that is bound to an office's
    network can still stop one that leaked. Raise Conflict for the last key that can administer the panel.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        case = _lock(work, caller, api_key_id, now)
        excess = bounds.excess(case.key.grant, case.maker.grant)
        _refuse_greater({field: excess[field] for field in ("role", "deniedPermissions") if field in excess})
        revisions.match(if_match, case.key.revision, NOUN)
        if case.is_last_admin:
            raise Conflict(_LAST_ADMIN, code="last_admin_key", details="Create another admin key first.")
        work.api_keys.remove(api_key_id)


@dataclass(frozen=True)
class _Case:
    """The key to change, the principal that changes it, and whether no other key can administer the panel."""

    maker: Principal
    key: ApiKey
    is_last_admin: bool


def _lock(work: Work, caller: Caller, api_key_id: str, now: datetime) -> _Case:
    query = Query(filters={"role": Role.ADMIN, "customer_id": None}, per_page=_MANY)
    admins = {admin.id for admin in work.api_keys.page(query).items}
    key_ids = {caller.id, api_key_id} | (admins if api_key_id in admins else set())
    # All admin keys are locked when one of them changes, so that the last two cannot be revoked at once; and every
    # block locks keys in the order of their ids and users after keys, so that two blocks never wait for each other.
    keys = {key_id: work.api_keys.get(key_id) for key_id in sorted(key_ids)}
    maker = lock_maker(work, caller)
    key = get_visible(caller, keys[api_key_id], api_key_id)
    others = [other for other in keys.values() if other and other.id != api_key_id]
    return _Case(maker, key, _administers(key, now) and not any(_administers(other, now) for other in others))


def _administers(key: ApiKey, now: datetime) -> bool:
    """Return whether a key can create keys of every kind now."""
    unbound = key.role is Role.ADMIN and key.customer_id is None
    return unbound and not key.grant.is_expired(now) and "api_keys.write" in granted(key.grant)


def _refuse_greater(excess: Mapping[str, str]) -> None:
    if excess:
        raise Forbidden("This API key can do more than you", details=f"It does so by {', '.join(excess)}")


def _refuse_lockout(before: ApiKey, after: ApiKey, address: str) -> None:
    """Raise Conflict if the last admin key could no longer administer the panel: from this address, or later on."""
    is_admin, is_moved = after.role is Role.ADMIN, after.allowed_ips != before.allowed_ips
    ends = {
        "role": not is_admin,
        "deniedPermissions": is_admin and "api_keys.write" not in granted(after.grant),
        "expiresAt": _ends_earlier(after.expires_at, before.expires_at),
        "allowedIps": is_moved and not networks.allows(after.allowed_ips, address),
    }
    locking = [field for field, is_locking in ends.items() if is_locking]
    if locking:
        details = f"This change of {', '.join(locking)} would lock it out. Create another admin key first."
        raise Conflict(_LAST_ADMIN, code="last_admin_key", details=details)


def _ends_earlier(after: datetime | None, before: datetime | None) -> bool:
    return after is not None and (before is None or after < before)
