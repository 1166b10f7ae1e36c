"""The bodies of the API key operations, and how their fields are read."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from domain.errors import Invalid
from domain.identity import networks
from domain.model.api_key import ApiKey
from domain.model.names import has_unsafe_characters
from domain.model.role import Role
from domain.ports import Ports
from domain.resources import queries


class ApiKeyCreate(TypedDict):
    """`ApiKeyCreate` of the document."""

    name: str
    role: Role
    customerId: NotRequired[str | None]
    rateLimitRpm: NotRequired[int | None]
    deniedPermissions: NotRequired[list[str]]
    allowedIps: NotRequired[list[str]]
    expiresAt: NotRequired[str | None]


class ApiKeyUpdate(TypedDict):
    """`ApiKeyUpdate` of the document."""

    name: NotRequired[str]
    role: NotRequired[Role]
    rateLimitRpm: NotRequired[int | None]
    deniedPermissions: NotRequired[list[str]]
    allowedIps: NotRequired[list[str]]
    expiresAt: NotRequired[str | None]


class ApiKeyRotation(TypedDict):
    """`ApiKeyRotation` of the document."""

    overlapSeconds: NotRequired[int]


_ATTRIBUTES = {
    "name": "name",
    "role": "role",
    "customerId": "customer_id",
    "rateLimitRpm": "rate_limit_rpm",
    "deniedPermissions": "denied_permissions",
    "allowedIps": "allowed_ips",
    "expiresAt": "expires_at",
}


@dataclass(frozen=True)
class Fields:
    """What a body sets: values by attribute of `ApiKey`, and problems by field of the document."""

    values: dict[str, Any]
    problems: dict[str, str]


def read(ports: Ports, body: ApiKeyCreate | ApiKeyUpdate) -> Fields:
    """Read a body. Values with problems are left out."""
    readers: dict[str, Callable[[Any], object]] = {
        "name": _name,
        "role": Role,
        "deniedPermissions": lambda names: _permissions(names, ports.operations_by_permission),
        "allowedIps": _networks,
        "expiresAt": lambda text: _expiry(text, ports.clock.now()),
    }
    fields = Fields({}, {})
    for name, value in body.items():
        try:
            fields.values[_ATTRIBUTES[name]] = readers[name](value) if name in readers else value
        except Invalid as refusal:
            fields.problems.update(refusal.fields)
    return fields


def missing(key: ApiKey) -> dict[str, str]:
    """Return what a key lacks to be valid, by field of the document."""
    if key.role is Role.CUSTOMER and key.customer_id is None:
        return {"customerId": "A key with the role customer needs a customer"}
    return {}


def refuse(problems: Mapping[str, str]) -> None:
    """Raise Invalid if there are problems."""
    if problems:
        raise Invalid(problems)


def unsafe_name(name: str) -> dict[str, str]:
    """Return what is wrong with a name, by field of the document."""
    if has_unsafe_characters(name):
        return {"name": "Contains control characters, or invisible ones such as marks of direction"}
    return {}


def _name(text: str) -> str:
    refuse(unsafe_name(text))
    return text


def _permissions(names: list[str], known: Collection[str]) -> tuple[str, ...]:
    unknown = [number for number, name in enumerate(names) if name not in known]
    refuse({f"deniedPermissions.{number}": f"{names[number]} is not a permission" for number in unknown})
    return tuple(sorted(names))


def _networks(texts: list[str]) -> tuple[str, ...]:
    normalized: list[str] = []
    problems: dict[str, str] = {}
    for number, text in enumerate(texts):
        try:
            normalized.append(networks.normalize(text))
        except ValueError as error:
            problems[f"allowedIps.{number}"] = str(error)
    refuse(problems)
    return tuple(dict.fromkeys(normalized))


def _expiry(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        at = queries.parse_time(text)
    except ValueError:
        raise Invalid({"expiresAt": f"{text} is not a valid time"}) from None
    if at <= now:
        raise Invalid({"expiresAt": f"{text} has passed already"})
    return at
