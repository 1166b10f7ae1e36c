"""New API keys: made by a key, by the command line, or by the first start."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.api_keys import bounds, fields
from domain.errors import Conflict
from domain.identity import tokens, validity
from domain.identity.access import Caller, allow
from domain.model.api_key import ApiKey
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.ports import Ports

# The primary key is the lock: of two processes that both find no key at all, one can add this id.
_FIRST = f"key_{'0' * 26}"


def create_api_key(ports: Ports, caller: Caller, body: Mapping[str, Any]) -> tuple[ApiKey, str]:
    """A key and its text. What the body leaves out comes from the maker; what it names beyond the maker is refused.

    What is denied to the maker need not be named: it is denied to the new key too, and the answer shows it.
    """
    now = ports.clock.now()
    given, problems = fields.read(body, now)
    text = tokens.new_text()
    with ports.store.begin() as work:
        maker = maker_of(work.api_keys.get(caller.id))
        key = replace(_heir(maker, text, now), **given)
        key.denied_permissions = bounds.carried(key, maker)
        problems |= bounds.rate(key.rate_limit_rpm, maker, ports.settings.rate_limit_authenticated)
        fields.refuse(problems | fields.incomplete(key) | bounds.excess(key, maker))
        work.api_keys.add(key)
    return key, text


def first_key(ports: Ports, name: str = "admin") -> str | None:
    """The text of the first admin key; None when there is a key already, or another process is just making it."""
    text = tokens.new_text()
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
    """The text of a key that no maker bounds, for the command line: there the data folder is the credential."""
    text = tokens.new_text()
    key = replace(_new(text, ports.clock.now(), name, role), customer_id=customer_id)
    fields.refuse(fields.incomplete(key))
    with ports.store.begin() as work:
        work.api_keys.add(key)
    return text


def maker_of(row: ApiKey | None) -> ApiKey:
    """The caller's own key as it is now: it may have been revoked or narrowed since it was shown."""
    if row is None:
        raise validity.unknown()
    allow(validity.caller(row), "api_keys.write")
    return row


def _new(text: str, now: datetime, name: str, role: Role) -> ApiKey:
    prefix, digest = text.rpartition("_")[0], tokens.digest(text)
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
