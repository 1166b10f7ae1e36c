"""Test data of the tag `subscriptions`."""

from tests.operation_data import OperationData, PathParameter, Resources
from tests.operations.organizations import create_organization
from tests.operations.plans import create_plan

RULE_ERRORS = ("422",)
"""Owner and plan exist and fit each other, and the expiry has not passed: no schema can say that."""


def create_subscription(resources: Resources) -> str:
    """Subscribe a new organization to a new plan; return the ID of the subscription."""
    body = {"organization_id": create_organization(resources), "plan_id": create_plan(resources, "resource")}
    return str(resources.panel.post("/subscriptions", body).json()["id"])


def suspend(resources: Resources) -> None:
    """Suspend the subscription, which can then be resumed."""
    resources.panel.post(f"/subscriptions/{resources.id('subscription_id')}/suspend")


PATH_PARAMETERS = {
    "subscription_id": PathParameter(create_subscription, "sub_01aaaaaaaaaaaaaaaaaaaaaaaa", tenant=False)
}
OPERATIONS = {
    "create_subscription": OperationData(
        body_with=lambda resources, example: {
            **example,
            "organization_id": create_organization(resources),
            "plan_id": create_plan(resources, "resource"),
        },
        other_body={"organization_id": "org_1", "plan_id": "plan_1"},
        creates="subscription_id",
        statuses=RULE_ERRORS,
    ),
    "update_subscription": OperationData(statuses=RULE_ERRORS),
    "resume_subscription": OperationData(prepare=suspend),
}
