"""The fields of an API key as a body names them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from domain.errors import Invalid
from domain.identity import networks
from domain.identity.access import ALL_PERMISSIONS
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.resources import queries

_COLUMNS = {
    "name": "name",
    "role": "role",
    "customerId": "customer_id",
    "rateLimitRpm": "rate_limit_rpm",
    "deniedPermissions": "denied_permissions",
    "allowedIps": "allowed_ips",
    "expiresAt": "expires_at",
}


def read(body: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    """What a body sets, by the names of the model; and what is wrong with the rest of it, by field."""
    readers: dict[str, Callable[[Any], Any]] = {
        "role": Role,
        "deniedPermissions": _denied,
        "allowedIps": _networks,
        "expiresAt": partial(_expiry, now),
    }
    given: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in body.items():
        try:
            given[_COLUMNS[name]] = readers[name](value) if name in readers else value
        except Invalid as refusal:
            problems |= refusal.fields
    return given, problems


def incomplete(key: ApiKey) -> dict[str, str]:
    """What a key lacks to be one."""
    if key.role is Role.CUSTOMER and key.customer_id is None:
        return {"customerId": "A key with the role customer needs a customer"}
    return {}


def refuse(problems: Mapping[str, str]) -> None:
    """Raise Invalid when there are any."""
    if problems:
        raise Invalid(problems)


def _denied(names: list[str]) -> tuple[str, ...]:
    unknown = [number for number, name in enumerate(names) if name not in ALL_PERMISSIONS]
    refuse({f"deniedPermissions.{number}": f"{names[number]} is not a permission" for number in unknown})
    return tuple(sorted(names))


def _networks(texts: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    problems: dict[str, str] = {}
    for number, text in enumerate(texts):
        try:
            found.append(networks.normal(text))
        except ValueError as error:
            problems[f"allowedIps.{number}"] = str(error)
    refuse(problems)
    return tuple(dict.fromkeys(found))


def _expiry(now: datetime, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = queries.parse_time(text)
    except ValueError:
        raise Invalid({"expiresAt": f"{text} is not a time that exists"}) from None
    if at <= now:
        raise Invalid({"expiresAt": f"{text} has passed already"})
    return at
