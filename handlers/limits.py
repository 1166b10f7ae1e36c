"""Rate limits: whose budget a request is charged to, by the tier that the document gives its operation."""

import time

from domain.access import Caller
from domain.errors import TooMany
from domain.ports import Budget, Ports
from handlers.openapi31 import Operation


def charge(ports: Ports, operation: Operation | None, caller: Caller | None, address: str) -> Budget:
    """Count the request; without a caller, or in the default tier, against its address."""
    settings = ports.settings
    tier = operation.raw["x-rate-tier"] if operation else "default"
    if caller is None or tier == "default":
        return ports.counter.hit(f"address:{address}", settings.rate_limit_default)
    budget = ports.counter.hit(f"key:{caller.id}", caller.rate_limit_rpm or settings.rate_limit_authenticated)
    if tier != "deploy" or not budget.allowed:
        return budget
    return ports.counter.hit(f"deploy:{caller.id}", settings.rate_limit_deploy)


def refusal(budget: Budget) -> TooMany:
    """What to say to whoever has spent the budget."""
    seconds = max(1, budget.reset_at - int(time.time()))
    return TooMany("Too many requests", retry_after=seconds)


def headers(budget: Budget) -> list[tuple[bytes, bytes]]:
    """The three headers that every response carries."""
    return [
        (b"x-ratelimit-limit", b"%d" % budget.limit),
        (b"x-ratelimit-remaining", b"%d" % budget.remaining),
        (b"x-ratelimit-reset", b"%d" % budget.reset_at),
    ]
