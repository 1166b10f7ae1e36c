"""Test data of the tag `registries`."""

from itertools import count

from tests.operation_data import Body, OperationData, PathParameter, Resources

LOGIN = {"username": "ann", "password": "s3cret pass"}
LOGIN_ERRORS = ("422", "503")
"""The registry decides about the login, and some hosts may not be asked: no schema can say that."""
_NUMBERS = count(1)


def create_registry(resources: Resources) -> str:
    """Create a registry of the owner and return its ID."""
    body = {"name": "Build server", "host": f"{next(_NUMBERS)}.registry.example", **LOGIN}
    owner = {"customer_id": resources.customer_id} if resources.customer_id else {}
    return str(resources.panel.post("/registries", {**body, **owner}).json()["id"])


def with_free_host(example: Body) -> Body:
    """Return the example with a host for which there is no login."""
    return {**example, "host": f"{next(_NUMBERS)}.{example['host']}"}


PATH_PARAMETERS = {"registry_id": PathParameter(create_registry, "reg_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {
    "create_registry": OperationData(
        body=with_free_host,
        other_body={"name": "another", "host": "other.example", **LOGIN},
        creates="registry_id",
        statuses=LOGIN_ERRORS,
    ),
    "update_registry": OperationData(statuses=LOGIN_ERRORS),
}
