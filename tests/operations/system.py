"""Test data of the tag `system`."""

from tests.operation_data import OperationData

OPERATIONS = {
    "get_openapi": OperationData(public=True, reads_database=False),
    "get_health": OperationData(public=True, reads_database=False),
}
