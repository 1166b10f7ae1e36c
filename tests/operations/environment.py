"""Test data of the tag `environment`."""

from tests.operation_data import OperationData
from tests.operations.services import RULE_ERRORS

OPERATIONS = {
    "replace_environment": OperationData(statuses=RULE_ERRORS),
    "update_environment": OperationData(statuses=RULE_ERRORS),
    "reveal_environment": OperationData(recorded=True, has_effect=False, statuses=RULE_ERRORS),
}
