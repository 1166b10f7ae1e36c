"""Test data of the tag `operations`."""

from tests.operation_data import OperationData, PathParameter, Resources
from tests.operations.deployments import queue_deployment


def _operation(resources: Resources) -> str:
    """Return the operation of the newest deployment of the owner's service."""
    resources.id("service_id")
    return resources.ids["operation_id"]


PATH_PARAMETERS = {"operation_id": PathParameter(_operation, "op_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {"cancel_operation": OperationData(prepare=queue_deployment)}
