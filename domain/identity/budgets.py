"""Budgets: whose requests a minute one more is charged to, by the tier of what is asked for."""

import time

from domain.errors import TooMany
from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.counter import Budget


def charge(ports: Ports, tier: str | None, caller: Caller | None, address: str) -> Budget:
    """Count a request; without a caller, and in no tier but the default, against its address."""
    settings = ports.settings
    if caller is None or tier in (None, "default"):
        return ports.counter.hit(f"address:{address}", settings.rate_limit_default)
    budget = ports.counter.hit(f"key:{caller.id}", caller.rate_limit_rpm or settings.rate_limit_authenticated)
    if tier != "deploy" or not budget.allowed:
        return budget
    return ports.counter.hit(f"deploy:{caller.id}", settings.rate_limit_deploy)


def refusal(budget: Budget) -> TooMany:
    """What to say to whoever has spent the budget."""
    seconds = max(1, budget.reset_at - int(time.time()))
    return TooMany("Too many requests", retry_after=seconds)


def headers(budget: Budget) -> dict[str, str]:
    """What every response says of it."""
    return {
        "X-RateLimit-Limit": str(budget.limit),
        "X-RateLimit-Remaining": str(budget.remaining),
        "X-RateLimit-Reset": str(budget.reset_at),
    }
