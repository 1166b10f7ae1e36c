"""The JSON of services, their exports, and reports of their validation."""

import base64
from dataclasses import asdict

from domain.compose import Finding
from domain.model.definition import HealthCheck, Variable
from domain.model.file import File
from domain.model.git_source import GitSource
from domain.model.masking import MASK
from domain.model.published_port import PublishedPort
from domain.model.service import Service
from domain.services import Export, ServiceDetail, ValidationResult
from handlers.serializers.values import Json, timestamp


def variable(stored: Variable) -> Json:
    return {"name": stored.name, "value": MASK if stored.secret else stored.value, "secret": stored.secret}


def service_file(stored: File) -> Json:
    return {"path": stored.path, "size": None if stored.secret else stored.size, "secret": stored.secret}


def file_content(content: bytes) -> Json:
    try:
        return {"content": content.decode()}
    except UnicodeDecodeError:
        return {"content_base64": base64.b64encode(content).decode()}


def published_port(published: PublishedPort) -> Json:
    return asdict(published)


def git_source(source: GitSource | None) -> Json | None:
    return asdict(source) if source else None


def healthcheck(check: HealthCheck | None) -> Json | None:
    return asdict(check) if check else None


def finding(found: Finding) -> Json:
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "line": found.line,
        "pointer": found.pointer,
    }


def service_summary(row: Service) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "url": row.url,
        "subdomain": row.subdomain,
        "customer_id": row.customer_id,
        "template": row.template,
        "deploy_method": row.deploy_method,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
        "resources": {
            "cpu_usage": row.usage.cpu,
            "memory_usage_mb": row.usage.memory_mb,
            "memory_limit_mb": row.limits.memory_mb,
        },
    }


def service(detail: ServiceDetail) -> Json:
    row = detail.service
    serialized = service_summary(row) | {
        "customer_name": None,
        "template_version": row.definition.template_version,
        "image": row.image,
        "git": git_source(row.definition.git),
        "compose": row.definition.compose,
        "variables": [variable(stored) for stored in row.definition.variables],
        "files": [service_file(stored) for stored in row.definition.files],
        "profiles": list(row.definition.profiles),
        "publish": [published_port(published) for published in row.definition.publish],
        "custom_domains": list(detail.custom_domains),
        "port": row.definition.port,
        "labels": row.labels,
        "health": {
            "status": row.health.status,
            "last_check": timestamp(row.health.last_check),
            "consecutive_failures": row.health.consecutive_failures,
            "restarts": row.health.restarts,
        },
        "healthcheck": healthcheck(row.definition.health_check),
        "deploy_timeout": row.definition.timeout,
        "auto_rollback": row.definition.auto_rollback,
        "deployment_id": detail.deployment_id,
        "operation_id": detail.operation_id,
        "pending_changes": detail.pending_changes,
        "deployed_at": timestamp(row.deployed_at),
    }
    serialized["resources"] |= {"cpu_limit": row.limits.cpu, "storage_mb": row.usage.storage_mb}
    return serialized


def service_report(result: ValidationResult) -> Json:
    return {
        "valid": result.quota_effect is not None,
        "summary": result.summary,
        "findings": [finding(found) for found in result.findings],
        "quota_effect": asdict(result.quota_effect) if result.quota_effect else None,
        "quotas": [asdict(use) for use in result.quotas],
    }


def service_export(export: Export) -> Json:
    row, definition = export.service, export.service.definition
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
        "git": git_source(definition.git),
        "compose": definition.compose,
        "variables": {stored.name: stored.value for stored in definition.variables if not stored.secret},
        "secrets": [stored.name for stored in definition.variables if stored.secret],
        "files": {path: file_content(content) for path, content in export.files.items()},
        "secret_files": [stored.path for stored in definition.files if stored.secret],
        "profiles": list(definition.profiles),
        "publish": [
            {"component": each.component, "port": each.port, "protocol": each.protocol} for each in definition.publish
        ],
        "port": definition.port,
        "labels": row.labels,
        "resources": sizes,
        "healthcheck": healthcheck(definition.health_check),
        "deploy_timeout": definition.timeout,
        "auto_rollback": definition.auto_rollback,
        "exported_at": timestamp(export.exported_at),
    }
