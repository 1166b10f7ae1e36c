"""The JSON and the CSV of the tag `audit`."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

import orjson

from domain.audit.reading import AuditPage
from domain.model.audit_event import AuditEvent
from handlers.serializers.values import Json, timestamp

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection
COLUMNS = (
    "id",
    "created_at",
    "action",
    "outcome",
    "actor_type",
    "actor_id",
    "actor_name",
    "session_id",
    "address",
    "resource_type",
    "resource_id",
    "customer_id",
    "request_id",
    "error_code",
    "changes",
)


def audit_event(event: AuditEvent) -> Json:
    return {
        "id": event.id,
        "created_at": timestamp(event.created_at),
        "action": event.action,
        "outcome": event.outcome,
        "actor_type": event.actor_type,
        "actor_id": event.actor_id,
        "actor_name": event.actor_name,
        "session_id": event.session_id,
        "address": event.address,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id,
        "customer_id": event.customer_id,
        "request_id": event.request_id,
        "error_code": event.error_code,
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after} for change in event.changes
        ],
    }


def audit_event_page(result: AuditPage) -> Json:
    page = result.page
    return {
        "data": [audit_event(event) for event in page.items],
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "has_more": page.has_more,
        "chain": {"whole": result.problem is None, "checked": len(page.items), "problem": result.problem},
    }


def audit_lines(batches: Iterator[Sequence[AuditEvent]]) -> Iterator[bytes]:
    """Yield one JSON text a line (https://github.com/ndjson/ndjson-spec)."""
    for batch in batches:
        yield b"".join(orjson.dumps(audit_event(event), option=orjson.OPT_APPEND_NEWLINE) for event in batch)


def audit_csv(batches: Iterator[Sequence[AuditEvent]]) -> Iterator[bytes]:
    """Yield CSV (RFC 4180) with a line of names. No cell is a formula to a spreadsheet."""
    yield (",".join(COLUMNS) + "\r\n").encode()
    for batch in batches:
        text = StringIO()
        csv.writer(text).writerows([_cell(value) for value in audit_event(event).values()] for event in batch)
        yield text.getvalue().encode()


def _cell(value: object) -> str:
    text = "" if value is None else orjson.dumps(value).decode() if isinstance(value, list) else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
