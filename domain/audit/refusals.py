"""Record requests that were refused because their caller lacks a permission."""

from domain.identity.actions import current_action
from domain.model.audit_event import AuditOutcome
from domain.ports import Ports


def record_refusal(ports: Ports, error_code: str) -> None:
    """Record that the current action was refused with this error. Raise Unavailable if that cannot be stored."""
    action = current_action()
    if action is None:
        return
    with ports.store.begin() as work:
        work.audit_events.record(action.name, action.resource, outcome=AuditOutcome.REFUSED, error_code=error_code)
