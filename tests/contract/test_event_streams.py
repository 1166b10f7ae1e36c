"""Schemathesis validates the events of every stream."""

from tests.contract.event_streams import DATA_SCHEMAS, EVENT_STREAM, streaming_operations, with_event_schemas
from tests.contract.reading import COMPONENTS, RAW


def test_every_operation_with_a_stream_says_what_its_events_contain() -> None:
    assert streaming_operations() == DATA_SCHEMAS.keys()
    assert set(DATA_SCHEMAS.values()) <= COMPONENTS["schemas"].keys()


def test_only_the_schemas_of_streams_differ_from_the_document() -> None:
    for path, item in with_event_schemas()["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and operation["operationId"] in DATA_SCHEMAS:
                content = operation["responses"]["200"]["content"]
                assert content.pop(EVENT_STREAM) != RAW["paths"][path][method]["responses"]["200"]["content"]
                operation["responses"]["200"]["content"] = content | {
                    EVENT_STREAM: RAW["paths"][path][method]["responses"]["200"]["content"][EVENT_STREAM]
                }
            assert operation == RAW["paths"][path][method]
