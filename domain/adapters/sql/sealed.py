"""Whether a database has encrypted values, which are lost without their key."""

from pathlib import Path

from sqlalchemy import ColumnClause, Connection, String, column, inspect, select, table

from domain.adapters.sql.engines import connect, first_transaction

TOKEN = "gAAAAA"  # noqa: S105 - how every Fernet token begins (https://github.com/fernet/spec)
_EPHEMERAL = frozenset({"idempotency"})
"""Tables whose encrypted values are kept for a day and only repeat what a client has received."""


def has_encrypted_values(url: str) -> bool:
    """Return whether any table has an encrypted value. A file that does not exist yet has none.

    Raise Unavailable if the database does not answer. Reads the whole database: call it only when the key is missing.
    """
    engines = connect(url)
    if engines.write.dialect.name == "sqlite" and not Path(engines.write.url.database or "").exists():
        return False
    try:
        with first_transaction(engines.write) as connection:
            return _has_encrypted_values(connection)
    finally:
        engines.close()


def _has_encrypted_values(connection: Connection) -> bool:
    inspector = inspect(connection)
    for name in set(inspector.get_table_names()) - _EPHEMERAL:
        texts = [known["name"] for known in inspector.get_columns(name) if isinstance(known["type"], String)]
        for text in texts:
            stored: ColumnClause[str] = column(text, String)
            found = select(stored).select_from(table(name, stored)).where(stored.contains(TOKEN)).limit(1)
            if connection.execute(found).first() is not None:
                return True
    return False
