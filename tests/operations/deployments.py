"""Test data of the tag `deployments`."""

from tests.operation_data import OperationData, PathParameter, Resources
from tests.operations.events import CURSOR
from tests.operations.services import RULE_ERRORS


def _deployment(resources: Resources) -> str:
    """Return the newest deployment of the owner's service, which has succeeded."""
    resources.id("service_id")
    return resources.ids["deployment_id"]


def queue_deployment(resources: Resources) -> None:
    """Queue a deployment, which can still be cancelled."""
    queued = resources.panel.post(f"/services/{resources.id('service_id')}/deploy").json()
    resources.ids |= {"deployment_id": queued["id"], "operation_id": queued["operation_id"]}


PATH_PARAMETERS = {"deployment_id": PathParameter(_deployment, "dep_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {
    "deploy_service": OperationData(other_body={"image": "ai-admin-panel/hello:1"}, statuses=RULE_ERRORS),
    "stop_service": OperationData(other_body={"grace_seconds": 1}),
    "scale_service": OperationData(statuses=RULE_ERRORS),
    "rollback_service": OperationData(statuses=RULE_ERRORS),
    "get_deployment_logs": OperationData(statuses=CURSOR),
    "cancel_deployment": OperationData(prepare=queue_deployment),
}
