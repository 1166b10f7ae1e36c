"""API keys: making, listing, changing, rotating and revoking them, and the first one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain import bounds, credentials, networks, queries, revisions
from domain.access import ALL_PERMISSIONS, Caller, absent, allow, sees
from domain.errors import Conflict, Forbidden, Invalid
from domain.model import ApiKey, Role, new_id
from domain.ports import Page, Ports, Query, Work

NOUN = "API key"
SORTS = {"name": "name", "createdAt": "created_at", "lastUsedAt": "last_used_at"}
# The primary key is the lock: of two processes that both find no key, one can add this id.
_FIRST = f"key_{'0' * 26}"
_MANY = 1000


def list_api_keys(  # noqa: PLR0913 - as many as the list has parameters
    ports: Ports,
    caller: Caller,
    *,
    search: str | None = None,
    role: str | None = None,
    sort: str = "createdAt",
    order: str = "desc",
    page: int = 1,
    per_page: int = 20,
) -> Page[ApiKey]:
    """All keys, or those of the caller's customer."""
    filters = queries.scoped(caller, {"role": role})
    with ports.store.read() as work:
        return work.api_keys.page(queries.query(page, per_page, SORTS[sort], order, search=search, filters=filters))


def get_api_key(ports: Ports, caller: Caller, api_key_id: str) -> ApiKey:
    """Use is written down a moment late: see `credentials.Desk.flush`."""
    with ports.store.read() as work:
        return _visible(caller, work.api_keys.get(api_key_id), api_key_id)


def create_api_key(ports: Ports, caller: Caller, body: Mapping[str, Any]) -> tuple[ApiKey, str]:
    """Make a key and its text. What the body leaves out it has from its maker; what it names beyond that is refused.

    Permissions that the maker lacks are denied to it without being named.
    """
    now = ports.clock.now()
    fields, problems = _read(body, now)
    text = credentials.new_text()
    with ports.store.begin() as work:
        maker = _maker(caller, work.api_keys.get(caller.id))
        key = replace(_heir(maker, text, now), **fields)
        key.denied_permissions = bounds.carried(key, maker)
        usual = ports.settings.rate_limit_authenticated
        _refuse(problems | _incomplete(key) | bounds.excess(key, maker) | bounds.rate(key.rate_limit_rpm, maker, usual))
        work.api_keys.add(key)
    return key, text


def update_api_key(
    ports: Ports, caller: Caller, api_key_id: str, body: Mapping[str, Any], if_match: str | None = None
) -> ApiKey:
    """Neither the key before nor the key after may go beyond the caller's own."""
    now = ports.clock.now()
    fields, problems = _read(body, now)
    with ports.store.begin() as work:
        case = _case(work, caller, api_key_id, now)
        _lesser(bounds.excess(case.key, case.maker))
        revisions.match(if_match, case.key.revision, NOUN)
        key = replace(case.key, **fields)
        if fields.keys() & {"role", "denied_permissions"}:
            key.denied_permissions = bounds.carried(key, case.maker)
        if "rate_limit_rpm" in fields:
            problems |= bounds.rate(key.rate_limit_rpm, case.maker, ports.settings.rate_limit_authenticated)
        _refuse(problems | _incomplete(key) | _locking_out(case, key, now) | bounds.excess(key, case.maker))
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
        text = credentials.new_text(case.key.prefix)
        key = replace(
            case.key,
            digest=credentials.digest(text),
            previous_digest=case.key.digest if overlap else None,
            previous_until=now + overlap if overlap else None,
        )
        work.api_keys.save(key)
    return key, text


def revoke_api_key(ports: Ports, caller: Caller, api_key_id: str, if_match: str | None = None) -> None:
    """Revoking gains nothing, so only what the key may do counts: an admin's key for one office stops a leaked one."""
    now = ports.clock.now()
    with ports.store.begin() as work:
        case = _case(work, caller, api_key_id, now)
        beyond = bounds.excess(case.key, case.maker)
        _lesser({field: beyond[field] for field in ("role", "deniedPermissions") if field in beyond})
        revisions.match(if_match, case.key.revision, NOUN)
        if case.last:
            raise Conflict(
                "This is the last key that can administer the panel",
                code="last_admin_key",
                details="Make another admin key first",
            )
        work.api_keys.remove(api_key_id)


def first_key(ports: Ports, name: str = "admin") -> str | None:
    """The text of the first admin key; None when there is a key already, or another process is making it."""
    text = credentials.new_text()
    key = replace(_new(text, ports.clock.now(), name, Role.ADMIN), id=_FIRST)
    try:
        with ports.store.begin() as work:
            if work.api_keys.any():
                return None
            work.api_keys.add(key)
    except Conflict:
        return None
    return text


def make_key(ports: Ports, name: str, role: Role, customer_id: str | None = None) -> str:
    """The text of a key that nobody's key bounds: for the command line, where the data folder is the credential."""
    text = credentials.new_text()
    key = replace(_new(text, ports.clock.now(), name, role), customer_id=customer_id)
    _refuse(_incomplete(key))
    with ports.store.begin() as work:
        work.api_keys.add(key)
    return text


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
    # In the order of ids, so that two who lock the same keys never wait for each other.
    locked = {key_id: work.api_keys.get(key_id) for key_id in sorted(wanted)}
    maker = _maker(caller, locked[caller.id])
    key = _visible(caller, locked[api_key_id], api_key_id)
    others = [other for other in locked.values() if other and other.id != api_key_id and _administers(other, now)]
    return _Case(maker, key, last=_administers(key, now) and not others)


def _administers(key: ApiKey, now: datetime) -> bool:
    """Whether a key can make others of every kind."""
    current = key.expires_at is None or key.expires_at > now
    own = key.role is Role.ADMIN and key.customer_id is None
    return current and own and "api_keys.write" in credentials.permissions(key)


def _maker(caller: Caller, row: ApiKey | None) -> ApiKey:
    """The caller's own key as it is now: it may have been revoked or narrowed since it was shown."""
    if row is None:
        raise credentials.unknown()
    allow(credentials.caller(row), "api_keys.write")
    return row


def _visible(caller: Caller, key: ApiKey | None, api_key_id: str) -> ApiKey:
    if key is None or not sees(caller, key.customer_id):
        raise absent(NOUN, api_key_id)
    return key


def _lesser(beyond: Mapping[str, str]) -> None:
    if beyond:
        raise Forbidden("This API key goes beyond your own", details=f"It does so by {', '.join(beyond)}")


def _refuse(problems: Mapping[str, str]) -> None:
    if problems:
        raise Invalid(problems)


def _incomplete(key: ApiKey) -> dict[str, str]:
    if key.role is Role.CUSTOMER and key.customer_id is None:
        return {"customerId": "A key with the role customer needs a customer"}
    return {}


def _locking_out(case: _Case, key: ApiKey, now: datetime) -> dict[str, str]:
    if not case.last or _administers(key, now):
        return {}
    field = "deniedPermissions" if key.role is Role.ADMIN else "role"
    return {field: "This is the last key that can administer the panel; make another admin key first"}


def _new(text: str, now: datetime, name: str, role: Role) -> ApiKey:
    prefix, digest = text.rpartition("_")[0], credentials.digest(text)
    return ApiKey(id=new_id("key"), name=name, prefix=prefix, digest=digest, role=role, created_at=now)


def _heir(maker: ApiKey, text: str, now: datetime) -> ApiKey:
    return replace(
        _new(text, now, maker.name, maker.role),
        created_by=maker.id,
        customer_id=maker.customer_id,
        allowed_ips=maker.allowed_ips,
        rate_limit_rpm=maker.rate_limit_rpm,
        expires_at=maker.expires_at,
    )


def _read(body: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a key that a body sets, and what is wrong with the rest of it."""
    fields: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in body.items():
        column, reader = _FIELDS[name]
        try:
            fields[column] = reader(value, now)
        except Invalid as refusal:
            problems |= refusal.fields
    return fields, problems


def _as_it_is(value: object, now: datetime) -> object:
    del now
    return value


def _role(value: str, now: datetime) -> Role:
    del now
    return Role(value)


def _denied(names: list[str], now: datetime) -> tuple[str, ...]:
    del now
    unknown = {number: name for number, name in enumerate(names) if name not in ALL_PERMISSIONS}
    _refuse({f"deniedPermissions.{number}": f"{name} is not a permission" for number, name in unknown.items()})
    return tuple(sorted(names))


def _networks(texts: list[str], now: datetime) -> tuple[str, ...]:
    del now
    found: list[str] = []
    problems: dict[str, str] = {}
    for number, text in enumerate(texts):
        try:
            found.append(networks.normal(text))
        except ValueError as error:
            problems[f"allowedIps.{number}"] = str(error)
    _refuse(problems)
    return tuple(dict.fromkeys(found))


def _expiry(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        at = queries.moment(text)
    except ValueError:
        raise Invalid({"expiresAt": f"{text} is not a time that exists"}) from None
    if at <= now:
        raise Invalid({"expiresAt": f"{text} has passed already"})
    return at


_FIELDS: dict[str, tuple[str, Callable[[Any, datetime], Any]]] = {
    "name": ("name", _as_it_is),
    "role": ("role", _role),
    "customerId": ("customer_id", _as_it_is),
    "rateLimitRpm": ("rate_limit_rpm", _as_it_is),
    "deniedPermissions": ("denied_permissions", _denied),
    "allowedIps": ("allowed_ips", _networks),
    "expiresAt": ("expires_at", _expiry),
}
