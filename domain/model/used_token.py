"""Tokens that were used and may not be used again."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class UsedToken:
    """The digest of a token, kept until the token has expired anyway."""

    digest: str = field(repr=False)
    expires_at: datetime
