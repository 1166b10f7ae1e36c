"""New API keys: created by a principal, by the command line, or at the first start."""

from dataclasses import replace
from datetime import datetime

from domain.api_keys import bounds, fields
from domain.api_keys.fields import ApiKeyCreate
from domain.errors import Conflict
from domain.identity import tokens
from domain.identity.access import Caller, allow
from domain.identity.validity import caller_for, get_principal, invalid_credential
from domain.model.api_key import ApiKey
from domain.model.grant import Grant
from domain.model.identifiers import new_id
from domain.model.principal import Principal
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.store import Work

# The primary key is the lock: of two processes that find no key at all, one can add this id.
_FIRST_ID = f"key_{'0' * 26}"


def create_api_key(ports: Ports, caller: Caller, body: ApiKeyCreate) -> tuple[ApiKey, str]:
    """Create a key; return it with its text, which is not stored.

    Fields that the body leaves out are those of the maker's grant. Permissions that are denied to the maker are denied
    to the key, too. Raise Invalid if the key would go beyond the maker.
    """
    read, text, default = fields.read(ports, body), tokens.new_api_key(), ports.settings.rate_limit_authenticated
    now = ports.clock.now()
    with ports.store.begin() as work:
        maker = lock_maker(work, caller)
        key = replace(_with_grant_of(maker, text, now), **read.values)
        key.denied_permissions = bounds.inherited_denials(key.grant, maker.grant)
        excess = bounds.excess(key.grant, maker.grant) | bounds.rate_excess(key.rate_limit_rpm, maker.grant, default)
        fields.refuse(read.problems | fields.missing(key) | excess)
        work.api_keys.add(key)
    return key, text


def create_first_key(ports: Ports, name: str = "admin") -> str | None:
    """Create the first admin key and return its text; None if there is a key, or another process is creating it."""
    text = tokens.new_api_key()
    key = replace(_new(text, ports.clock.now(), name, Role.ADMIN), id=_FIRST_ID)
    try:
        with ports.store.begin() as work:
            if work.api_keys.any():
                return None
            work.api_keys.add(key)
    except Conflict:
        return None
    return text


def create_unbounded_key(ports: Ports, name: str, role: Role, customer_id: str | None = None) -> str:
    """Create a key that no maker bounds and return its text. For the command line: its user has the data folder."""
    text = tokens.new_api_key()
    key = replace(_new(text, ports.clock.now(), name, role), customer_id=customer_id)
    fields.refuse(fields.missing(key) | fields.unsafe_name(name))
    with ports.store.begin() as work:
        work.api_keys.add(key)
    return text


def lock_maker(work: Work, caller: Caller) -> Principal:
    """Return the caller's principal as it is now, locked: it may have been removed or narrowed meanwhile.

    Raise Unauthenticated if it is gone, Forbidden if it may not write keys.
    """
    maker = get_principal(work, caller.kind, caller.id)
    if maker is None:
        raise invalid_credential()
    allow(caller_for(maker), "api_keys.write")
    return maker


def _new(text: str, now: datetime, name: str, role: Role) -> ApiKey:
    prefix, digest = text.rpartition("_")[0], tokens.digest(text)
    return ApiKey(id=new_id("key"), name=name, prefix=prefix, digest=digest, role=role, created_at=now)


def _with_grant_of(maker: Principal, text: str, now: datetime) -> ApiKey:
    grant: Grant = maker.grant
    return replace(
        _new(text, now, maker.name, grant.role),
        created_by=maker.id,
        customer_id=grant.customer_id,
        allowed_ips=grant.allowed_ips,
        rate_limit_rpm=grant.rate_limit_rpm,
        expires_at=grant.expires_at,
    )
