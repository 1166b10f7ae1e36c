"""Test data of the tag `api_keys`."""

from tests.operation_data import OperationData, PathParameter, Resources

RULE_ERRORS = ("422",)
"""An expiry in the past, addresses that do not exist, permissions that the role lacks: no schema can say them."""


def issue_key(resources: Resources) -> dict[str, str]:
    """Create an API key of the owner and return the response with its secret."""
    customer = {"role": "customer", "customerId": resources.customer_id}
    role = customer if resources.customer_id else {"role": "viewer"}
    return dict(resources.panel.post("/v1/api-keys", {"name": "other", **role}).json())


PATH_PARAMETERS = {
    "api_key_id": PathParameter(lambda resources: issue_key(resources)["id"], "key_01aaaaaaaaaaaaaaaaaaaaaaaa")
}
OPERATIONS = {
    "create_api_key": OperationData(
        body_for_all={"name": "dashboard", "role": "viewer"},
        other_body={"name": "another", "role": "viewer"},
        creates="api_key_id",
        statuses=RULE_ERRORS,
    ),
    "update_api_key": OperationData(bounded_by_caller=True, statuses=RULE_ERRORS),
    "rotate_api_key": OperationData(bounded_by_caller=True, other_body={"overlapSeconds": 1}),
    "revoke_api_key": OperationData(bounded_by_caller=True),
}
