"""The headers that tell a client about its rate limit."""

from domain.ports.counter import Budget


def headers(budget: Budget) -> dict[str, str]:
    """Return the three headers that every response carries."""
    return {
        "X-RateLimit-Limit": str(budget.limit),
        "X-RateLimit-Remaining": str(budget.remaining),
        "X-RateLimit-Reset": str(budget.reset_at),
    }
