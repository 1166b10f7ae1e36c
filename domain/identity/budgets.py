"""Rate limits: which budgets of requests a minute a request is charged to."""

import time

from domain.errors import TooMany
from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.counter import Budget


def charge(ports: Ports, tier: str | None, caller: Caller | None, address: str) -> Budget:
    """Count a request and return what is left of its budget.

    `tier` is the operation's `x-rate-tier`; None if there is no operation. A request without a caller, and one in the
    tier `default`, counts against its address; in the tier `deploy` it counts against two budgets. Logouts that the
    identity provider reports, the tier `logout`, have a budget of their own: those of all people come from its address.
    """
    settings = ports.settings
    if tier == "logout":
        return ports.counter.hit(f"logout:{address}", settings.rate_limit_logout)
    if caller is None or tier in (None, "default"):
        return ports.counter.hit(f"address:{address}", settings.rate_limit_default)
    limit = caller.grant.rate_limit_rpm or settings.rate_limit_authenticated
    budget = ports.counter.hit(f"key:{caller.id}", limit)
    if tier != "deploy" or not budget.allowed:
        return budget
    return ports.counter.hit(f"deploy:{caller.id}", settings.rate_limit_deploy)


def too_many_requests(budget: Budget) -> TooMany:
    """Return the refusal of a request whose budget is spent."""
    seconds = max(1, budget.reset_at - int(time.time()))
    return TooMany("Too many requests", retry_after=seconds)


def charge_hook(ports: Ports, hook_id: str) -> None:
    """Count a deployment of a deploy hook. Raise TooMany if the hook has had its deployments of this minute."""
    budget = ports.counter.hit(f"deploy:{hook_id}", ports.settings.rate_limit_deploy)
    if not budget.allowed:
        raise too_many_requests(budget)
