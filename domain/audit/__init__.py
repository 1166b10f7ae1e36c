"""The audit record: read it, and check that it is as it was written."""

from domain.audit.reading import get_audit_event, list_audit_events
from domain.audit.refusals import record_refusal
from domain.audit.verification import verify

__all__ = ["get_audit_event", "list_audit_events", "record_refusal", "verify"]
