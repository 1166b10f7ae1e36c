"""Test data of the tag `runtime`."""

from tests.operation_data import OperationData

EXCLUSIVE = ("400", "503")
"""Two parameters exclude each other (`follow` and `until`, `from` after `to`); the engine may be unreachable."""
OPERATIONS = {
    "get_service_logs": OperationData(statuses=EXCLUSIVE),
    "get_service_metrics": OperationData(statuses=EXCLUSIVE),
    "exec_in_service": OperationData(recorded=True, has_effect=False, statuses=("409", "422")),
}
