"""Invitations: users who have not logged in yet, and addresses that belong to one user."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, false

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add two columns of users, and an index of their addresses."""
    with op.batch_alter_table("users") as users:
        users.add_column(Column("invited", Boolean, nullable=False, server_default=false()))
        users.add_column(Column("invited_until", DateTime(timezone=True)))
    with op.batch_alter_table("users") as users:
        users.alter_column("invited", server_default=None)
    op.create_index("users_by_email", "users", ["email"])
