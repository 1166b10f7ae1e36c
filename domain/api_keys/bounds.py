"""A key can never do more than the key that makes, changes or rotates it."""

from domain.identity import networks
from domain.identity.access import RANK
from domain.identity.validity import permissions
from domain.model.api_key import ApiKey
from domain.model.role import Role


def excess(key: ApiKey, maker: ApiKey) -> dict[str, str]:
    """What of a key goes beyond its maker, by field of the document: what it may do, for whom, until when, from where.

    How much it may ask a minute is no right, so `rate` bounds it where it is set, and it makes no key a greater one.
    """
    beyond = {
        "role": _role(key, maker),
        "deniedPermissions": _permissions(key, maker),
        "customerId": _customer(key, maker),
        "expiresAt": _expiry(key, maker),
        "allowedIps": _networks(key, maker),
    }
    return {field: message for field, message in beyond.items() if message}


def rate(asked: int | None, maker: ApiKey, usual: int) -> dict[str, str]:
    """None asks for the panel's usual limit. An admin without a customer and a limit gives any: somebody must."""
    free = maker.rate_limit_rpm is None and maker.role is Role.ADMIN and maker.customer_id is None
    own = maker.rate_limit_rpm or usual
    if free or (asked or usual) <= own:
        return {}
    return {"rateLimitRpm": f"Your own key has {own} requests a minute"}


def carried(key: ApiKey, maker: ApiKey) -> tuple[str, ...]:
    """The denied permissions of a key and its maker's: all of them, for the key may get another role one day."""
    return tuple(sorted({*key.denied_permissions, *maker.denied_permissions}))


def _role(key: ApiKey, maker: ApiKey) -> str | None:
    return f"Your own key has the lesser role {maker.role}" if RANK[key.role] > RANK[maker.role] else None


def _permissions(key: ApiKey, maker: ApiKey) -> str | None:
    lacking = permissions(key) - permissions(maker)
    return f"Your own key lacks {', '.join(sorted(lacking))}" if lacking else None


def _customer(key: ApiKey, maker: ApiKey) -> str | None:
    if maker.customer_id in (None, key.customer_id):
        return None
    return f"Your own key belongs to {maker.customer_id}"


def _expiry(key: ApiKey, maker: ApiKey) -> str | None:
    if maker.expires_at is None or (key.expires_at is not None and key.expires_at <= maker.expires_at):
        return None
    return f"Your own key expires at {maker.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def _networks(key: ApiKey, maker: ApiKey) -> str | None:
    if networks.within(key.allowed_ips, maker.allowed_ips):
        return None
    return f"Your own key works only from {', '.join(maker.allowed_ips)}"
