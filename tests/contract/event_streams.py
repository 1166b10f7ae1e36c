"""The schemas of events in event streams.

The document describes a stream as text. Schemathesis validates each event of a stream instead, as an object with the
fields `event`, `id` and `data`.
"""

from copy import deepcopy
from typing import Any

from tests.contract.reading import METHODS, RAW, operations

EVENT_STREAM = "text/event-stream"
DATA_SCHEMAS = {"get_deployment_logs": "LogLine", "get_service_logs": "ServiceLogLine", "list_events": "Event"}
"""operationId → the schema of the JSON in `data`."""


def with_event_schemas() -> dict[str, Any]:
    """Return a copy of the document in which the schema of a stream is that of its events."""
    document = deepcopy(RAW)
    for item in document["paths"].values():
        for method in METHODS & item.keys():
            content = item[method]["responses"].get("200", {}).get("content", {})
            if EVENT_STREAM in content:
                content[EVENT_STREAM] = {"schema": _event_schema(item[method]["operationId"])}
    return document


def streaming_operations() -> set[str]:
    """Return the IDs of the operations that can respond with an event stream."""
    return {
        operation.id
        for operation in operations()
        if EVENT_STREAM in operation.responses.get("200", {}).get("content", {})
    }


def _event_schema(operation_id: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{DATA_SCHEMAS[operation_id]}"}
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    return {
        "type": "object",
        "required": ["event", "data"],
        "if": {"properties": {"event": {"const": "end"}}},
        "then": {"properties": {"data": {"const": "{}"}}},
        "else": {"properties": {"data": data}, "required": ["id"]},
    }
