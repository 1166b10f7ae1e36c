"""Test data of the tag `auth`."""

from tests.operation_data import OperationData, PathParameter, Resources
from tests.operations.api_keys import issue_key


def _session(resources: Resources) -> str:
    """Create a session of one of the owner's API keys."""
    return str(resources.panel.post("/auth/sessions", key=issue_key(resources)["key"]).json()["id"])


PATH_PARAMETERS = {"session_id": PathParameter(_session, "ses_01aaaaaaaaaaaaaaaaaaaaaaaa")}
# A session changes only by its use, so no client can overwrite another's change: it has no revision.
OPERATIONS = {
    "start_login": OperationData(public=True, reads_database=False),
    # Without the cookie of a login, and with a token that nobody has signed, neither can succeed.
    "finish_login": OperationData(public=True, plain_success=400, reads_database=False),
    "receive_backchannel_logout": OperationData(public=True, plain_success=400, has_effect=False, reads_database=False),
    # An API key has no session that could end.
    "logout": OperationData(reads_database=False, recorded=False),
    "get_current_user": OperationData(reads_database=False),
    "create_session": OperationData(creates="session_id"),
    "revoke_session": OperationData(has_revision=False, owner_only=True),
    "revoke_other_sessions": OperationData(has_revision=False),
}
