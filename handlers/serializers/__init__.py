"""What each thing looks like as JSON: one function a schema of the document, of the same name."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from domain.auth import CurrentUser, LoggedOut, OwnSession
from domain.catalogue.spec.template import Template
from domain.deployments import DeploymentDetail, Log
from domain.environment import Environment
from domain.events import Batch, SocketTicket
from domain.model.api_key import ApiKey
from domain.model.deployment import Deployment
from domain.model.operation import Operation
from domain.model.service import Service
from domain.resources.dry_run import DryRun
from domain.runtime import ServiceContainer, ServiceLog, ServiceMetrics
from domain.services import Export, ServiceDetail, ValidationResult
from domain.system import Health
from domain.templates import TemplatePreview
from domain.users import Permission, RoleGrant
from handlers.serializers import callers, events, runtime, services, templates, work
from handlers.serializers.callers import Issued
from handlers.serializers.events import event
from handlers.serializers.runtime import service_log_line
from handlers.serializers.values import Json
from handlers.serializers.work import log_line

__all__ = ["Issued", "Json", "event", "log_line", "service_log_line", "shape"]


def shape(thing: object, *, summary: bool = False) -> Json:
    """The JSON of a thing; in lists some things are shown in short."""
    return (_SUMMARIES if summary else _SHAPES)[type(thing)](thing)


def health(one: Health) -> Json:
    shown: Json = {"status": one.status, "version": one.version}
    return (
        shown if one.checks is None else shown | {"checks": {name: asdict(each) for name, each in one.checks.items()}}
    )


_SHAPES: dict[type, Callable[[Any], Json]] = {
    ApiKey: callers.api_key,
    Batch: events.event_page,
    CurrentUser: callers.current_user,
    DryRun: services.dry_run,
    Environment: services.environment,
    Export: services.service_export,
    Health: health,
    DeploymentDetail: work.deployment,
    Issued: callers.api_key_with_secret,
    Log: work.deployment_log,
    LoggedOut: callers.logged_out,
    Operation: work.operation,
    OwnSession: callers.session,
    Permission: callers.permission,
    TemplatePreview: templates.template_preview,
    ValidationResult: services.service_report,
    RoleGrant: callers.role,
    ServiceContainer: runtime.service_container,
    ServiceLog: runtime.service_log,
    ServiceMetrics: runtime.service_metrics,
    SocketTicket: callers.socket_ticket,
    Template: templates.template,
    ServiceDetail: services.service,
}
_SUMMARIES: dict[type, Callable[[Any], Json]] = {
    **_SHAPES,
    Deployment: work.deployment_summary,
    Service: services.service_summary,
    Template: templates.template_summary,
}
