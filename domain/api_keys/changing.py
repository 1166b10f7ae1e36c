"""What one API key does to another, or to itself: change, rotate, revoke."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.api_keys import bounds, fields
from domain.api_keys.looking import NOUN, visible
from domain.api_keys.making import maker_of
from domain.errors import Conflict, Forbidden
from domain.identity import tokens, validity
from domain.identity.access import Caller
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.store import Query, Work
from domain.resources import revisions

_MANY = 1000


def update_api_key(
    ports: Ports, caller: Caller, api_key_id: str, body: Mapping[str, Any], if_match: str | None = None
) -> ApiKey:
    """Neither the key before nor the key after may go beyond the caller's own."""
    now = ports.clock.now()
    given, problems = fields.read(body, now)
    with ports.store.begin() as work:
        case = _case(work, caller, api_key_id, now)
        _lesser(bounds.excess(case.key, case.maker))
        revisions.match(if_match, case.key.revision, NOUN)
        key = replace(case.key, **given)
        if given.keys() & {"role", "denied_permissions"}:
            key.denied_permissions = bounds.carried(key, case.maker)
        if "rate_limit_rpm" in given:
            problems |= bounds.rate(key.rate_limit_rpm, case.maker, ports.settings.rate_limit_authenticated)
        problems |= fields.incomplete(key) | _locking_out(case, key, now)
        fields.refuse(problems | bounds.excess(key, case.maker))
        work.api_keys.save(key)
    return key


def rotate_api_key(
    ports: Ports, caller: Caller, api_key_id: str, body: Mapping[str, Any] | None = None
) -> tuple[ApiKey, str]:
    """A new secret under the same prefix; whoever rotates a key holds it, so it may not go beyond the caller's own."""
    now = ports.clock.now()
    overlap = timedelta(seconds=(body or {}).get("overlapSeconds", 0))
    with ports.store.begin() as work:
        case = _case(work, caller, api_key_id, now)
        _lesser(bounds.excess(case.key, case.maker))
        text = tokens.new_text(case.key.prefix)
        key = replace(
            case.key,
            digest=tokens.digest(text),
            previous_digest=case.key.digest if overlap else None,
            previous_until=now + overlap if overlap else None,
        )
        work.api_keys.save(key)
    return key, text


def revoke_api_key(ports: Ports, caller: Caller, api_key_id: str, if_match: str | None = None) -> None:
    """Revoking gains nothing, so only what the key may do counts: a key bound to an office can stop a leaked one."""
    now = ports.clock.now()
    with ports.store.begin() as work:
        case = _case(work, caller, api_key_id, now)
        beyond = bounds.excess(case.key, case.maker)
        _lesser({field: beyond[field] for field in ("role", "deniedPermissions") if field in beyond})
        revisions.match(if_match, case.key.revision, NOUN)
        if case.last:
            raise Conflict(_LAST, code="last_admin_key", details="Make another admin key first")
        work.api_keys.remove(api_key_id)


_LAST = "This is the last key that can administer the panel"


@dataclass(frozen=True)
class _Case:
    """A key that is to be touched, who wants to, and whether no other key can administer the panel."""

    maker: ApiKey
    key: ApiKey
    last: bool


def _case(work: Work, caller: Caller, api_key_id: str, now: datetime) -> _Case:
    query = Query(filters={"role": Role.ADMIN, "customer_id": None}, per_page=_MANY)
    admins = {admin.id for admin in work.api_keys.page(query).items}
    wanted = {caller.id, api_key_id} | (admins if api_key_id in admins else set())
    # In the order of ids, so that two who lock the same keys never wait for each other; and all admins' keys when one
    # of them is touched, so that the last two cannot be revoked at once.
    locked = {key_id: work.api_keys.get(key_id) for key_id in sorted(wanted)}
    maker = maker_of(locked[caller.id])
    key = visible(caller, locked[api_key_id], api_key_id)
    others = [other for other in locked.values() if other and other.id != api_key_id]
    last = _administers(key, now) and not any(_administers(other, now) for other in others)
    return _Case(maker, key, last)


def _administers(key: ApiKey, now: datetime) -> bool:
    """Whether a key can make others of every kind, now."""
    own = key.role is Role.ADMIN and key.customer_id is None
    return own and not validity.expired(key, now) and "api_keys.write" in validity.permissions(key)


def _lesser(beyond: Mapping[str, str]) -> None:
    if beyond:
        raise Forbidden("This API key goes beyond your own", details=f"It does so by {', '.join(beyond)}")


def _locking_out(case: _Case, key: ApiKey, now: datetime) -> dict[str, str]:
    if not case.last or _administers(key, now):
        return {}
    return {"deniedPermissions" if key.role is Role.ADMIN else "role": f"{_LAST}: make another admin key first"}
