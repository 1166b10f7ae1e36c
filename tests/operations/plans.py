"""Test data of the tag `plans`."""

from itertools import count

from tests.operation_data import Body, OperationData, PathParameter, Resources

_NUMBERS = count(1)


def create_plan(resources: Resources, kind: str = "customer", **fields: object) -> str:
    """Create a plan without limits and with every feature, unless `fields` differ; return its ID."""
    features = dict.fromkeys(("template_deploy", "compose_deploy", "custom_domains", "api_access"), True)
    body = {"name": f"plan-{next(_NUMBERS)}", "kind": kind, "features": features, **fields}
    return str(resources.panel.post("/plans", body).json()["id"])


def with_free_name(example: Body) -> Body:
    """Return the example with a name that no plan has."""
    return {**example, "name": f"{example['name']} {next(_NUMBERS)}"}


PATH_PARAMETERS = {"plan_id": PathParameter(create_plan, "plan_01aaaaaaaaaaaaaaaaaaaaaaaa", tenant=False)}
OPERATIONS = {
    "create_plan": OperationData(
        body=with_free_name, other_body={"name": "another", "kind": "resource"}, creates="plan_id"
    ),
    "update_plan": OperationData(body=with_free_name),
}
