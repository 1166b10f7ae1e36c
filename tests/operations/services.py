"""Test data of the tag `services`."""

from itertools import count

from tests.operation_data import Body, OperationData, PathParameter, Resources

_NUMBERS = count(1)
IMAGE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1"}
RULE_ERRORS = ("422",)
"""The policy, images, templates, variables and files that exist: no schema can say them."""


def create_service(resources: Resources) -> str:
    """Create a running service with two successful deployments, a variable, a secret and a label."""
    owner = {"customer_id": resources.customer_id} if resources.customer_id else {}
    service = resources.panel.service(
        f"shop-{next(_NUMBERS)}",
        variables={"GREETING": "Hello"},
        secrets={"API_TOKEN": "an-old-token"},
        labels={"tier": "free"},
        **owner,
    )
    deployed = resources.panel.post(f"/services/{service['id']}/deploy").json()
    resources.panel.work()
    resources.ids |= {"deployment_id": deployed["id"], "operation_id": deployed["operation_id"]}
    return str(service["id"])


def with_free_name(example: Body) -> Body:
    """Return the example with a name that no service has."""
    return {**example, "name": f"{example['name']}-{next(_NUMBERS)}"}


PATH_PARAMETERS = {"service_id": PathParameter(create_service, "svc_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {
    "create_service": OperationData(
        body=with_free_name, other_body={"name": "another", **IMAGE}, creates="service_id", statuses=RULE_ERRORS
    ),
    "validate_service": OperationData(has_effect=False, statuses=RULE_ERRORS),
    "update_service": OperationData(body_for_all={"labels": {"tier": "free"}}, statuses=RULE_ERRORS),
    "delete_service": OperationData(needs_worker=True),
}
