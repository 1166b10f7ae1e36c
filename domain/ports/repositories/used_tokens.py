"""The repository of tokens that were used and may not be used again."""

from datetime import datetime
from typing import Protocol

from domain.model.used_token import UsedToken


class UsedTokens(Protocol):
    """Used tokens."""

    def add(self, token: UsedToken) -> None:
        """Add a token. Raise Conflict if it was used before: of two parallel callers, one succeeds."""

    def remove_expired(self, now: datetime) -> None: ...
