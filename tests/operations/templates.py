"""Test data of the tag `templates`."""

from tests.operation_data import OperationData, PathParameter
from tests.operations.services import RULE_ERRORS, with_free_name

PATH_PARAMETERS = {"template_id": PathParameter(lambda resources: "hello", "no-such-template", tenant=False)}
OPERATIONS = {
    "list_templates": OperationData(reads_database=False),
    "get_template": OperationData(reads_database=False),
    "get_template_logo": OperationData(reads_database=False),
    "preview_template": OperationData(has_effect=False, reads_database=False, statuses=RULE_ERRORS),
    "deploy_template": OperationData(
        body=with_free_name, other_body={"name": "another"}, creates="service_id", statuses=RULE_ERRORS
    ),
}
