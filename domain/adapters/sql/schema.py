"""Bringing a database up to date when it is opened, one process at a time."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from domain.adapters.sql.engines import transaction, unavailable, wait_for_other_starts
from domain.adapters.sql.tables import installation
from domain.errors import Unavailable
from domain.model import new_id


def upgrade(engine: Engine) -> str:
    """Run the migrations that are missing, all or none, and answer the installation's id.

    Raise Unavailable when the database cannot be used.
    """
    try:
        with transaction(engine) as connection:
            wait_for_other_starts(connection)
            _upgrade(connection)
            return _installation(connection)
    except (SQLAlchemyError, Unavailable) as error:
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        reason = str(getattr(cause, "orig", cause)).partition("\n")[0]
        place = engine.url.render_as_string(hide_password=True)
        raise unavailable(f"The database {place} cannot be used: {reason}") from error


def _upgrade(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "domain.adapters.sql:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current not in known | {None}:
        raise unavailable(f"a newer panel made it (revision {current}); start that one")
    command.upgrade(config, "head")


def _installation(connection: Connection) -> str:
    known = connection.scalar(select(installation.c.id))
    if known is not None:
        return str(known)
    made = new_id("ins")
    connection.execute(insert(installation).values(id=made))
    return made
