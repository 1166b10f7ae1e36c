"""Services, their environment, and what the policy says of them."""

from dataclasses import asdict

from domain.compose import Finding
from domain.environment import Environment
from domain.model.definition import HealthCheck, Variable
from domain.model.masking import MASK
from domain.model.service import Service
from domain.resources.dry_run import DryRun
from domain.services import Export, ServiceDetail, ValidationResult
from handlers.serializers.values import Json, moment


def variable(one: Variable) -> Json:
    return {"name": one.name, "value": MASK if one.secret else one.value, "secret": one.secret}


def health_check(one: HealthCheck | None) -> Json | None:
    return asdict(one) if one else None


def finding(one: Finding) -> Json:
    return {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "line": one.line,
        "pointer": one.pointer,
    }


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


def service(one: ServiceDetail) -> Json:
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


def service_report(one: ValidationResult) -> Json:
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


def environment(one: Environment) -> Json:
    shown = {
        "service_id": one.service.id,
        "version": one.service.environment_revision,
        "variables": [variable(each) for each in one.service.definition.variables],
        "pending_changes": one.pending_changes,
    }
    return shown | ({"dry_run": dry_run(one.dry_run)} if one.dry_run else {})
