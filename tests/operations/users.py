"""Test data of the tag `users`."""

from tests.operation_data import OperationData

OPERATIONS = {
    "list_roles": OperationData(reads_database=False),
    "list_permissions": OperationData(reads_database=False),
}
