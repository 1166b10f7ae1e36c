"""Rate limits as headers of ASGI."""

from domain.identity import budgets
from domain.ports.counter import Budget


def headers(budget: Budget) -> list[tuple[bytes, bytes]]:
    """The three that every response carries."""
    return [(name.lower().encode(), value.encode()) for name, value in budgets.headers(budget).items()]
