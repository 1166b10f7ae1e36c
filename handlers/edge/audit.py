"""What a request is for the audit record: the action that it performs, and that it was refused."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from starlette.types import Scope

from domain.audit import record_refusal
from domain.errors import Unavailable
from domain.identity.actions import Action, actor_of, performing
from domain.ports import Ports
from handlers.edge import request_id
from handlers.edge.errors import ERROR_CODE
from handlers.edge.request_head import from_scope
from handlers.edge.threads import WRITES
from handlers.openapi31 import CALLER, Found, Match

_FORBIDDEN = 403
_log = logging.getLogger(__name__)


@contextmanager
def action_of(scope: Scope, found: Found) -> Iterator[None]:
    """Perform the request as an action on the resource that the last parameter of its path names."""
    if not isinstance(found, Match):
        yield
        return
    head, operation = from_scope(scope), found.operation
    named = list(found.path_values.items())[-1:]
    resource = (named[0][0].removesuffix("_id"), named[0][1]) if named else None
    actor = actor_of(scope.get(CALLER), head.address)
    action = Action(operation.operation_id, actor, scope[request_id.SCOPE_KEY], resource, writes=not head.is_safe)
    with performing(action):
        yield


async def record_refused(ports: Ports, scope: Scope, status: int) -> None:
    """Record a request that lacks a permission. If that cannot be stored, the log has it: nothing was done."""
    if status != _FORBIDDEN or ERROR_CODE not in scope:
        return
    try:
        await WRITES.run(partial(record_refusal, ports, scope[ERROR_CODE]))
    except Unavailable:
        _log.exception("a refused request could not be recorded")
