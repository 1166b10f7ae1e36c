"""Anonymous volumes of containers from before volumes of images were kept, which hold data of services."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the column to services. The next deployment of each finds its volumes."""
    op.add_column("services", Column("anonymous_volumes", Text()))
