"""Handlers of the tag `audit`."""

from collections.abc import Callable
from functools import partial
from typing import Unpack

from domain import audit
from domain.audit.reading import ListAuditEventsParameters, export_audit_events
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers, streams
from handlers.negotiation import CSV, LINES
from handlers.openapi31 import Answer
from handlers.serializers import audit as serialize
from handlers.streams import OpenStreams


def list_audit_events(
    ports: Ports,
    caller: Caller,
    accept: str,
    revalidate: Callable[[], None],
    open_streams: OpenStreams,
    **parameters: Unpack[ListAuditEventsParameters],
) -> Answer:
    """GET /audit-events"""
    export = partial(export_audit_events, ports, caller, revalidate, **parameters)
    send = partial(streams.download, open_streams, caller, name="audit-events")
    formats = {CSV: lambda: serialize.audit_csv(export()), LINES: lambda: serialize.audit_lines(export())}
    page = partial(audit.list_audit_events, ports, caller, **parameters)
    return streams.exported(accept, formats, send, lambda: answers.ok(page(), serialize.audit_event_page))


def get_audit_event(ports: Ports, caller: Caller, audit_event_id: str) -> Answer:
    """GET /audit-events/{audit_event_id}"""
    return answers.ok(audit.get_audit_event(ports, caller, audit_event_id), serialize.audit_event)
