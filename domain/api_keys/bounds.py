"""Bounds of grants: a key can never do more than the principal that creates, changes or rotates it."""

from dataclasses import replace

from domain.identity import networks
from domain.identity.permissions import RANK, granted
from domain.model.grant import Grant
from domain.model.role import Role


def excess(grant: Grant, maker: Grant) -> dict[str, str]:
    """Return how a grant goes beyond its maker's: a message for each field of the document.

    It compares what the grants allow, for whom, until when and from where. The rate limit is no right, so it is checked
    only where it is set: see `rate_excess`.
    """
    messages = {
        "role": _role(grant, maker),
        "deniedPermissions": _permissions(grant, maker),
        "customerId": _customer(grant, maker),
        "expiresAt": _expiry(grant, maker),
        "allowedIps": _networks(grant, maker),
    }
    return {field: message for field, message in messages.items() if message}


def rate_excess(requested: int | None, maker: Grant, default: int) -> dict[str, str]:
    """Return how a rate limit goes beyond the maker's, in requests a minute; None is the panel's `default`.

    An admin without a customer and without a limit may set any limit: somebody must be able to.
    """
    unlimited = maker.rate_limit_rpm is None and maker.role is Role.ADMIN and maker.customer_id is None
    limit = maker.rate_limit_rpm or default
    if unlimited or (requested or default) <= limit:
        return {}
    return {"rateLimitRpm": f"Your own limit is {limit} requests a minute"}


def inherited_denials(grant: Grant, maker: Grant) -> tuple[str, ...]:
    """Return the denied permissions of a grant and its maker's.

    All of them, also those that the role does not hold: the key may get another role later.
    """
    return tuple(sorted({*grant.denied_permissions, *maker.denied_permissions}))


def _role(grant: Grant, maker: Grant) -> str | None:
    return f"Your own role is {maker.role}, which is less" if RANK[grant.role] > RANK[maker.role] else None


def _permissions(grant: Grant, maker: Grant) -> str | None:
    if RANK[grant.role] > RANK[maker.role]:
        return None  # a greater role is refused as such
    # Permissions that only the panel's staff hold are compared for the maker's customer: another one is refused anyway.
    compared = grant if maker.customer_id is None else replace(grant, customer_id=maker.customer_id)
    lacking = granted(compared) - granted(maker)
    return f"You lack the permissions {', '.join(sorted(lacking))}" if lacking else None


def _customer(grant: Grant, maker: Grant) -> str | None:
    if maker.customer_id in (None, grant.customer_id):
        return None
    return f"You are bound to the customer {maker.customer_id}"


def _expiry(grant: Grant, maker: Grant) -> str | None:
    if maker.expires_at is None or (grant.expires_at is not None and grant.expires_at <= maker.expires_at):
        return None
    return f"Your own access expires at {maker.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def _networks(grant: Grant, maker: Grant) -> str | None:
    if networks.is_within(grant.allowed_ips, maker.allowed_ips):
        return None
    return f"You are allowed only from {', '.join(maker.allowed_ips)}"
