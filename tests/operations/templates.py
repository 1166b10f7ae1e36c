"""Test data of the tag `templates`."""

from itertools import count

from tests.conformance import READ_DOCUMENT
from tests.operation_data import Body, OperationData, PathParameter, Resources
from tests.operations.services import RULE_ERRORS, with_free_name

_NUMBERS = count(1)
_PATH = READ_DOCUMENT.raw["paths"]["/templates"]
EXAMPLE: Body = _PATH["post"]["requestBody"]["content"]["application/json"]["example"]
"""A custom template that runs an image which comes with the panel."""


def create_template(resources: Resources) -> str:
    """Create a custom template and return its ID."""
    return str(resources.panel.post("/templates", with_new_name(EXAMPLE)).json()["id"])


def with_new_name(example: Body) -> Body:
    """Return the example with a name that no template has."""
    return {**example, "source": example["source"].replace("name: greeter", f"name: greeter-{next(_NUMBERS)}")}


def with_newest_name(resources: Resources, example: Body) -> Body:
    """Return the example with the name of the template that was created last: the one of the path."""
    listed = resources.panel.get("/templates?search=greeter&per_page=100").json()["data"]
    numbers = [int(number) for item in listed if (number := item["id"].removeprefix("greeter-")).isdigit()]
    return {**example, "source": example["source"].replace("name: greeter", f"name: greeter-{max(numbers, default=0)}")}


PATH_PARAMETERS = {"template_id": PathParameter(create_template, "no-such-template", tenant=False)}
OPERATIONS = {
    "create_template": OperationData(
        body=with_new_name,
        other_body={**EXAMPLE, "source": EXAMPLE["source"].replace("name: greeter", "name: another")},
        creates="template_id",
        statuses=RULE_ERRORS,
    ),
    "replace_template": OperationData(body_with=with_newest_name, statuses=RULE_ERRORS),
    "delete_template": OperationData(),
    "preview_template": OperationData(has_effect=False, statuses=RULE_ERRORS),
    "deploy_template": OperationData(
        body=with_free_name, other_body={"name": "another"}, creates="service_id", statuses=RULE_ERRORS
    ),
}
