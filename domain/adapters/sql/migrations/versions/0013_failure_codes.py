"""Events name the code of a failure `failure_code`, as `failure` is an object wherever else it stands."""

import json

from alembic import op
from sqlalchemy import text

revision = "0013"
down_revision = "0012"

_BATCH_SIZE = 1000


def upgrade() -> None:
    """Rename the field in the data of stored events, a batch at a time."""
    connection = op.get_bind()
    select = text("SELECT sequence, data FROM events WHERE sequence > :after ORDER BY sequence LIMIT :limit")
    update = text("UPDATE events SET data = :data WHERE sequence = :sequence")
    after = 0
    while events := connection.execute(select, {"after": after, "limit": _BATCH_SIZE}).all():
        old = [event for event in events if '"failure"' in event.data]
        if old:
            connection.execute(update, [{"sequence": event.sequence, "data": _rename(event.data)} for event in old])
        after = events[-1].sequence


def _rename(data: str) -> str:
    fields = json.loads(data)
    if "failure" in fields:
        fields["failure_code"] = fields.pop("failure")
    return json.dumps(fields, separators=(",", ":"))
