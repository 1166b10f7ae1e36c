"""Test data of the tag `audit`."""

from tests.operation_data import OperationData, PathParameter, Resources
from tests.operations.api_keys import issue_key


def _audit_event(resources: Resources) -> str:
    """Return the ID of the event that the creation of one of the owner's API keys left."""
    created = issue_key(resources)["id"]
    return str(resources.panel.get(f"/audit-events?resource_id={created}").json()["data"][0]["id"])


PATH_PARAMETERS = {"audit_event_id": PathParameter(_audit_event, "aud_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS: dict[str, OperationData] = {}
