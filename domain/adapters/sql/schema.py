"""Migrate a database when it is opened, one process at a time."""

from pathlib import Path

from sqlalchemy import Column, Connection, Engine, Table, insert, inspect, select, text

from domain.adapters.sql.columns import TextType
from domain.adapters.sql.engines import first_transaction, lock_schema
from domain.adapters.sql.faults import unavailable
from domain.adapters.sql.tables import metadata
from domain.model.identifiers import new_id

installation = Table("installation", metadata, Column("id", TextType(), primary_key=True))

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


def upgrade(engine: Engine) -> str:
    """Run the missing migrations, all or none, and return the installation's id.

    Raise Unavailable if the database cannot be used.
    """
    with first_transaction(engine) as connection:
        lock_schema(connection)
        _upgrade(connection)
        return _installation_id(connection)


def _upgrade(connection: Connection) -> None:
    newest = max(path.stem for path in _VERSIONS.glob("[0-9]*.py")).partition("_")[0]
    if _revision(connection) != newest:
        _migrate(connection)


def _revision(connection: Connection) -> str | None:
    """Return the migration that the database is at; None for a new database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - takes nine megabytes, which most starts do not need
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "domain.adapters.sql:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = _revision(connection)
    if current not in known | {None}:
        raise unavailable(f"a newer panel made it (revision {current}); start that one")
    command.upgrade(config, "head")


def _installation_id(connection: Connection) -> str:
    known = connection.scalar(select(installation.c.id))
    if known is not None:
        return str(known)
    created = new_id("ins")
    connection.execute(insert(installation).values(id=created))
    return created
