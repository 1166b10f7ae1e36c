"""What each thing looks like as JSON: one function a schema of the document, of the same name."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from domain.auth import CurrentUser
from domain.compose import Finding
from domain.deployments import History, Log
from domain.effects import DryRun
from domain.environment import Environment
from domain.model import (
    ApiKey,
    Deployment,
    Failure,
    HealthCheck,
    LogLine,
    Operation,
    Service,
    Step,
    Variable,
)
from domain.services import Export, Report, Whole
from domain.system import Health
from domain.template import Template, TemplateVariable
from domain.templates import MASK, Preview
from domain.users import Permission, RoleGrant

Json = dict[str, Any]


@dataclass(frozen=True)
class Issued:
    """A key with its text, which is shown this once."""

    api_key: ApiKey
    text: str


def shape(thing: object, *, summary: bool = False) -> Json:
    """The JSON of a thing; in lists some things are shown in short."""
    shapes = {**_SHAPES, **_SUMMARIES} if summary else _SHAPES
    return shapes[type(thing)](thing)


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with milliseconds where there are any."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z").replace(".000Z", "Z") if at else None


def duration(start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds from start to end."""
    return int((end - start).total_seconds() * 1000) if start and end else None


def variable(one: Variable) -> Json:
    return {"name": one.name, "value": MASK if one.secret else one.value, "secret": one.secret}


def failure(one: Failure | None) -> Json | None:
    return {"code": one.code, "message": one.message, "log": list(one.log)} if one else None


def step(one: Step) -> Json:
    return {
        "name": one.name,
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
        "duration_ms": duration(one.started_at, one.finished_at),
    }


def health_check(one: HealthCheck | None) -> Json | None:
    return asdict(one) if one else None


def finding(one: Finding) -> Json:
    return {"code": one.code, "message": one.message, "line": one.line, "pointer": one.pointer}


def dry_run(one: DryRun) -> Json:
    return {"dry_run": True, "changes": [asdict(change) for change in one.changes]}


def service_summary(one: Service) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "status": one.status,
        "url": one.url,
        "customer_id": one.customer_id,
        "template": one.template,
        "deploy_method": one.deploy_method,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "resources": {
            "cpu_usage": one.usage.cpu,
            "memory_usage_mb": one.usage.memory_mb,
            "memory_limit_mb": one.limits.memory_mb,
        },
    }


def service(one: Whole) -> Json:
    row = one.service
    shown = service_summary(row) | {
        "customer_name": None,
        "image": row.image,
        "compose": row.definition.compose,
        "variables": [variable(each) for each in row.definition.variables],
        "custom_domains": [],
        "port": row.definition.port,
        "labels": row.labels,
        "health": {
            "status": row.health.status,
            "last_check": moment(row.health.last_check),
            "consecutive_failures": row.health.consecutive_failures,
        },
        "health_check": health_check(row.definition.health_check),
        "deploy_timeout": row.definition.timeout,
        "deployment_id": one.deployment_id,
        "operation_id": one.operation_id,
        "pending_changes": one.pending_changes,
        "deployed_at": moment(row.deployed_at),
    }
    shown["resources"] |= {"cpu_limit": row.limits.cpu, "storage_mb": row.usage.storage_mb}
    return shown | ({"dry_run": dry_run(one.dry_run)} if one.dry_run else {})


def service_report(one: Report) -> Json:
    return {
        "valid": one.quota_effect is not None,
        "findings": [finding(each) for each in one.findings],
        "quota_effect": asdict(one.quota_effect) if one.quota_effect else None,
    }


def service_export(one: Export) -> Json:
    row, definition = one.service, one.service.definition
    sizes = {
        name: {"replicas": size.replicas, "cpu_limit": size.cpu, "memory_limit_mb": size.memory_mb}
        for name, size in definition.sizes.items()
    }
    return {
        "format": "ai-admin-panel/service/v1",
        "name": row.name,
        "deploy_method": row.deploy_method,
        "template": row.template,
        "image": row.image,
        "compose": definition.compose,
        "variables": {each.name: each.value for each in definition.variables if not each.secret},
        "secrets": [each.name for each in definition.variables if each.secret],
        "port": definition.port,
        "labels": row.labels,
        "resources": sizes,
        "health_check": health_check(definition.health_check),
        "deploy_timeout": definition.timeout,
        "exported_at": moment(one.exported_at),
    }


def deployment_summary(one: Deployment) -> Json:
    return {
        "id": one.id,
        "service_id": one.service_id,
        "customer_id": one.customer_id,
        "status": one.status,
        "trigger": one.trigger,
        "actor_id": one.actor_id,
        "operation_id": one.operation_id,
        "rollback_of": one.rollback_of,
        "superseded_by": one.superseded_by,
        "failure": failure(one.failure),
        "created_at": moment(one.created_at),
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
        "duration_ms": duration(one.started_at, one.finished_at),
    }


def deployment(one: History) -> Json:
    row, changes = one.deployment, asdict(one.changes)
    return deployment_summary(row) | {
        "steps": [step(each) for each in row.steps],
        "images": [{"reference": reference, "digest": digest} for reference, digest in row.images.items()],
        "changes": changes,
    }


def log_line(one: LogLine) -> Json:
    return {"number": one.number, "at": moment(one.at), "step": one.step, "stream": one.stream, "text": one.text}


def deployment_log(one: Log) -> Json:
    return {"data": [log_line(line) for line in one.lines], "next_after": one.next_after, "complete": one.complete}


def environment(one: Environment) -> Json:
    shown = {
        "service_id": one.service.id,
        "version": one.service.environment_revision,
        "variables": [variable(each) for each in one.service.definition.variables],
        "pending_changes": one.pending_changes,
    }
    return shown | ({"dry_run": dry_run(one.dry_run)} if one.dry_run else {})


def operation(one: Operation) -> Json:
    return {
        "id": one.id,
        "kind": one.kind,
        "status": one.status,
        "progress": one.progress,
        "resource_type": "service",
        "resource_id": one.service_id,
        "deployment_id": one.deployment_id,
        "customer_id": one.customer_id,
        "actor_id": one.actor_id,
        "request_id": one.request_id,
        "cancel_requested": one.cancel_requested,
        "steps": [step(each) for each in one.steps],
        "failure": failure(one.failure),
        "created_at": moment(one.created_at),
        "started_at": moment(one.started_at),
        "finished_at": moment(one.finished_at),
    }


def template_summary(one: Template) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "category": one.category,
        "featured": one.featured,
        "logo": f"/api/templates/{one.id}/logo",
        "security_profile": one.security_profile,
        "min_resources": asdict(one.min_resources),
        "tags": list(one.tags),
    }


def template(one: Template) -> Json:
    return template_summary(one) | {
        "healthcheck": health_check(one.healthcheck),
        "expose": asdict(one.expose),
        "variables": [template_variable(each) for each in one.variables],
        "images": list(one.images),
        "compose": one.compose,
    }


def template_variable(one: TemplateVariable) -> Json:
    return {
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "required": one.required,
        "description": one.description,
        "default": None if one.secret else one.default,
        "options": list(one.options),
        "secret": one.secret,
        "generated": one.generate is not None,
    }


def template_preview(one: Preview) -> Json:
    return {
        "compose": one.compose,
        "variables": [variable(each) for each in one.variables],
        "generated_secrets": list(one.generated_secrets),
        "findings": [finding(each) for each in one.findings],
        "quota_effect": asdict(one.quota_effect) if one.quota_effect else None,
    }


def api_key(one: ApiKey) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "prefix": one.prefix,
        "role": one.role,
        "customerId": one.customer_id,
        "rateLimitRpm": one.rate_limit_rpm,
        "deniedPermissions": list(one.denied_permissions),
        "allowedIps": list(one.allowed_ips),
        "expiresAt": moment(one.expires_at),
        "createdAt": moment(one.created_at),
        "createdBy": one.created_by,
        "lastUsedAt": moment(one.last_used_at),
        "lastUsedIp": one.last_used_ip,
        "requestCount": one.request_count,
        "previousSecretUntil": moment(one.previous_until),
    }


def api_key_with_secret(one: Issued) -> Json:
    return api_key(one.api_key) | {"key": one.text}


def current_user(one: CurrentUser) -> Json:
    return asdict(one) | {"created_at": moment(one.created_at)}


def role(one: RoleGrant) -> Json:
    return asdict(one)


def permission(one: Permission) -> Json:
    return asdict(one)


def health(one: Health) -> Json:
    shown: Json = {"status": one.status, "version": one.version}
    return (
        shown if one.checks is None else shown | {"checks": {name: asdict(each) for name, each in one.checks.items()}}
    )


_SHAPES: dict[type, Callable[[Any], Json]] = {
    ApiKey: api_key,
    CurrentUser: current_user,
    DryRun: dry_run,
    Environment: environment,
    Export: service_export,
    Health: health,
    History: deployment,
    Issued: api_key_with_secret,
    Log: deployment_log,
    Operation: operation,
    Permission: permission,
    Preview: template_preview,
    Report: service_report,
    RoleGrant: role,
    Template: template,
    Whole: service,
}
_SUMMARIES: dict[type, Callable[[Any], Json]] = {
    Deployment: deployment_summary,
    Service: service_summary,
    Template: template_summary,
}
