"""Searches of services: an index of the trigrams of their names, so that what few have is found without reading all.

SQLite keeps each name once in `service_names`, and FTS5 the trigrams of those (https://sqlite.org/fts5.html, 'The
Trigram Tokenizer' and 'External Content Tables'). PostgreSQL has pg_trgm for it, which the owner of a database may
install (https://www.postgresql.org/docs/current/pgtrgm.html).
"""

from alembic import op
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from domain.adapters.sql.engines import driver_message
from domain.adapters.sql.faults import unavailable

revision = "0005"
down_revision = "0004"

_FORGET = (
    "DELETE FROM service_names WHERE name = old.name AND NOT EXISTS (SELECT 1 FROM services WHERE name = old.name)"
)
_KEEP = "INSERT INTO service_names (name) VALUES (new.name) ON CONFLICT DO NOTHING"
SQLITE = (
    "CREATE TABLE service_names (number INTEGER NOT NULL PRIMARY KEY, name VARCHAR NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE service_trigrams USING fts5("
    "name, content = 'service_names', content_rowid = 'number', tokenize = 'trigram', detail = 'none')",
    "CREATE TRIGGER service_names_added AFTER INSERT ON service_names"
    " BEGIN INSERT INTO service_trigrams (rowid, name) VALUES (new.number, new.name); END",
    "CREATE TRIGGER service_names_removed AFTER DELETE ON service_names BEGIN"
    " INSERT INTO service_trigrams (service_trigrams, rowid, name) VALUES ('delete', old.number, old.name); END",
    f"CREATE TRIGGER services_added AFTER INSERT ON services BEGIN {_KEEP}; END",
    f"CREATE TRIGGER services_removed AFTER DELETE ON services BEGIN {_FORGET}; END",
    "CREATE TRIGGER services_renamed AFTER UPDATE OF name ON services WHEN new.name <> old.name"
    f" BEGIN {_KEEP}; {_FORGET}; END",
    "INSERT INTO service_names (name) SELECT DISTINCT name FROM services",
)

# Of the database, not of an installation, of which each may have a schema of its own there.
EXTENSION = "CREATE EXTENSION pg_trgm SCHEMA public"
PLACE = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_trgm'"
# Without `fastupdate`: each search would have to read its list of what is not yet sorted in.
INDEX = (
    "CREATE INDEX services_by_trigrams ON services"
    ' USING gin (lower(name COLLATE "default") {place}.gin_trgm_ops) WITH (fastupdate = off)'
)


def upgrade() -> None:
    """Make the index."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
    else:
        _install(connection)
        op.execute(INDEX.format(place=connection.scalar(text(PLACE))))


def _install(connection: Connection) -> None:
    if connection.scalar(text(PLACE)) is None:
        try:
            connection.execute(text(EXTENSION))
        except SQLAlchemyError as error:
            raise unavailable(f"{driver_message(error)}; let its owner run CREATE EXTENSION pg_trgm in it") from None
