"""Test data of the tag `events`."""

from tests.operation_data import OperationData

OPERATIONS = {
    # Only an upgrade succeeds, which the tests of the WebSocket server send.
    "connect_websocket": OperationData(plain_success=426),
    # A topic names a resource, which must exist for the caller.
    "create_ws_ticket": OperationData(statuses=("422",)),
}
