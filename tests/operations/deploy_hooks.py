"""Test data of the tag `deploy_hooks`."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

import orjson

from tests.operation_data import Body, OperationData, PathParameter, Resources

SECRETS: dict[str, str] = {}
"""The secrets of the hooks that tests have created, by the hook's ID."""
_NUMBERS = count(1)


def create_hook(resources: Resources) -> str:
    """Create a generic hook of the owner's service and return its ID."""
    path = f"/services/{resources.id('service_id')}/deploy-hooks"
    created = resources.panel.post(path, {"name": "Build", "provider": "generic"}).json()
    SECRETS[created["id"]] = created["secret"]
    return str(created["id"])


def signature(secret: str, content: bytes) -> str:
    """Return the HMAC-SHA256 of a body in hexadecimal."""
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def sign(ids: Mapping[str, str], content: bytes) -> dict[str, str]:
    """Return the header that proves the secret of the hook; a wrong one for a hook that does not exist."""
    return {"X-Hub-Signature-256": f"sha256={signature(SECRETS.get(ids['hook_id'], 'unknown'), content)}"}


def new_delivery(_resources: Resources, example: Body) -> Body:
    """Return the example as it would be sent now for the first time."""
    fresh = {"id": f"build-{next(_NUMBERS)}", "sent_at": datetime.now(UTC).isoformat()}
    if "payload" in example:
        return {"payload": orjson.dumps({**orjson.loads(example["payload"]), **fresh}).decode()}
    return {**example, **fresh}


PATH_PARAMETERS = {"hook_id": PathParameter(create_hook, "hook_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {
    "create_deploy_hook": OperationData(
        body_for_all={"name": "Another", "provider": "generic"},
        other_body={"name": "Another", "provider": "gitlab"},
        creates="hook_id",
        bounded_by_caller=True,
        statuses=("409", "422"),
    ),
    # Nothing about a hook changes but its last delivery, so that no client can overwrite another's change.
    "delete_deploy_hook": OperationData(has_revision=False),
    # Deliveries are repeatable by their own IDs.
    "receive_deploy_hook": OperationData(
        public=True, body_with=new_delivery, sign=sign, has_effect=False, recorded=True, statuses=("401",)
    ),
}
