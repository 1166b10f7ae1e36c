"""Operations about any resource: its type, its id and a lock key in place of the service's id. Schedules of jobs.

Operations of the release before go on: what their workers left in `options` for the next worker is renamed.
"""

import json

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, Double, PrimaryKeyConstraint, String, text

revision = "0007"
down_revision = "0006"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)
OPTIONS = {"before": "status_before", "touched_old": "old_version_stopped", "owes_undo": "undo_pending"}


def upgrade() -> None:
    """Change the table of operations and make that of schedules."""
    op.drop_index("operations_running", "operations")
    op.drop_index("operations_by_service_id", "operations")
    with op.batch_alter_table("operations") as operations:
        operations.alter_column("kind", type_=WORDS, existing_nullable=False)
        operations.alter_column("service_id", new_column_name="resource_id", existing_type=WORDS)
        operations.alter_column("past_return", new_column_name="irreversible", existing_type=Boolean())
        operations.add_column(Column("resource_type", WORDS))
        operations.add_column(Column("lock_key", WORDS))
    op.execute("UPDATE operations SET resource_type = 'service', lock_key = resource_id")
    _rename_options()
    with op.batch_alter_table("operations") as operations:
        operations.alter_column("resource_type", existing_type=WORDS, nullable=False)
        operations.alter_column("lock_key", existing_type=WORDS, nullable=False)
    running = text("status = 'running'")
    op.create_index(
        "operations_running", "operations", ["lock_key"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_index("operations_by_lock_key", "operations", ["lock_key", "status", "id"])
    op.create_index("operations_by_resource_id", "operations", ["resource_id", "created_at", "id"])
    _schedules()


def _rename_options() -> None:
    connection = op.get_bind()
    for operation_id, options in connection.execute(text("SELECT id, options FROM operations")).all():
        before = json.loads(options)
        after = {OPTIONS.get(name, name): value for name, value in before.items()}
        if after != before:
            connection.execute(
                text("UPDATE operations SET options = :options WHERE id = :id"),
                {"id": operation_id, "options": json.dumps(after, separators=(",", ":"))},
            )


def _schedules() -> None:
    op.create_table(
        "schedules",
        Column("name", WORDS, nullable=False),
        Column("every", Double(), nullable=False),
        Column("next_at", TIME, nullable=False),
        *(Column(name, TIME) for name in ("last_run_at", "lease_until")),
        *(Column(name, WORDS) for name in ("last_error", "lease_owner")),
        PrimaryKeyConstraint("name", name="schedules_id"),
    )
    op.create_index("schedules_by_next_at", "schedules", ["next_at"])
