"""Test data of the tag `events`."""

from tests.operation_data import OperationData

CURSOR = ("410",)
"""No event or line has a number above the newest yet: no schema can say that."""

OPERATIONS = {
    "list_events": OperationData(statuses=CURSOR),
    # Only an upgrade succeeds, which the tests of the WebSocket server send.
    "connect_websocket": OperationData(plain_success=426),
    # A topic names a resource, which must exist for the caller.
    "create_ws_ticket": OperationData(statuses=("422",)),
}
