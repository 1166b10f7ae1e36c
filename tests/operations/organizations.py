"""Test data of the tag `organizations`."""

from tests.operation_data import OperationData, PathParameter, Resources


def create_organization(resources: Resources) -> str:
    """Create an organization and return its ID."""
    return str(resources.panel.post("/organizations", {"name": "Acme Holding"}).json()["id"])


PATH_PARAMETERS = {
    "organization_id": PathParameter(create_organization, "org_01aaaaaaaaaaaaaaaaaaaaaaaa", tenant=False)
}
OPERATIONS = {"create_organization": OperationData(other_body={"name": "Another"}, creates="organization_id")}
