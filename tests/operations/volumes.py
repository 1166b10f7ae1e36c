"""Test data of the tag `volumes`."""

from itertools import count

from tests.operation_data import Body, OperationData, PathParameter, Resources
from tests.operations.services import RULE_ERRORS

_NUMBERS = count(1)


def create_volume(resources: Resources) -> str:
    """Attach a volume to the service of the owner and return its ID. It is read-only, so that the service can scale."""
    body = with_free_place({"name": "data", "mount_path": "/srv/data", "read_only": True})
    return str(resources.panel.post(f"/services/{resources.id('service_id')}/volumes", body).json()["id"])


def with_free_place(example: Body) -> Body:
    """Return the example with a name and a path that no volume has."""
    number = next(_NUMBERS)
    return {**example, "name": f"{example['name']}-{number}", "mount_path": f"{example['mount_path']}/{number}"}


PATH_PARAMETERS = {"volume_id": PathParameter(create_volume, "vol_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {
    "create_volume": OperationData(
        body=with_free_place,
        other_body={"name": "another", "mount_path": "/another"},
        creates="volume_id",
        statuses=RULE_ERRORS,
    ),
    "update_volume": OperationData(statuses=RULE_ERRORS),
}
