"""Rate limits as headers of ASGI."""

from domain import limits
from domain.ports import Budget


def headers(budget: Budget) -> list[tuple[bytes, bytes]]:
    """The three that every response carries."""
    return [(name.lower().encode(), value.encode()) for name, value in limits.headers(budget).items()]
