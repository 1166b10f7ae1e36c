"""Test data of the tag `users`."""

from tests.operation_data import OperationData, PathParameter
from tests.operations.customers import create_customer_user, new_address


def _another_address(body: dict[str, object]) -> dict[str, object]:
    return {**body, "email": new_address()}


PATH_PARAMETERS = {"user_id": PathParameter(create_customer_user, "usr_01aaaaaaaaaaaaaaaaaaaaaaaa", tenant=False)}
OPERATIONS = {
    "create_user": OperationData(
        body=_another_address,
        other_body={"email": "other@example.com", "name": "Other", "role": "viewer"},
        creates="user_id",
        statuses=("409", "422"),
        needs_worker=True,
    ),
    "update_user": OperationData(body=lambda example: {"name": "Grace", **example}, statuses=("422",)),
    "list_roles": OperationData(reads_database=False),
    "list_permissions": OperationData(reads_database=False),
}
