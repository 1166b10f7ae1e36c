"""The repository of tokens that were used and may not be used again."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.reading import Block
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.errors import Conflict
from domain.model.used_token import UsedToken
from domain.ports.repositories import used_tokens as ports

used_tokens = entity_table("used_tokens", UsedToken, primary=("digest",))
list_indexes(used_tokens, "expires_at")


class UsedTokens(ports.UsedTokens):
    """Used tokens, by their digest."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def add(self, token: UsedToken) -> None:
        """Add a token. Raise Conflict if it was used before: the database lets one of two parallel blocks add it."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        row = {"digest": token.digest, "expires_at": token.expires_at}
        if not self._connection.execute(insert(used_tokens).values(row).on_conflict_do_nothing()).rowcount:
            raise Conflict("The token was used before")

    def remove_expired(self, now: datetime) -> None:
        """Remove the tokens that have expired."""
        self._connection.execute(delete(used_tokens).where(used_tokens.c.expires_at <= now))
