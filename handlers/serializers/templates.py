"""The JSON of templates and their previews."""

from dataclasses import asdict

from domain.model.template import Template, TemplateSummary, TemplateVariable
from domain.templates import TemplatePreview
from handlers.serializers.services import finding, healthcheck, variable
from handlers.serializers.values import Json


def template_summary(row: TemplateSummary) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "category": row.category,
        "featured": row.featured,
        "logo": f"/api/templates/{row.id}/logo",
        "security_profile": row.security_profile,
        "min_resources": asdict(row.min_resources),
        "tags": list(row.tags),
        "version": row.version,
    }


def template(row: Template) -> Json:
    return template_summary(row) | {
        "healthcheck": healthcheck(row.healthcheck),
        "expose": asdict(row.expose),
        "variables": [template_variable(declared) for declared in row.variables],
        "images": list(row.images),
        "compose": row.compose,
        "documentation": row.documentation,
        "source": row.source,
    }


def template_variable(declared: TemplateVariable) -> Json:
    return {
        "name": declared.name,
        "label": declared.label,
        "type": declared.type,
        "required": declared.required,
        "description": declared.description,
        "default": None if declared.secret else declared.default,
        "options": list(declared.options),
        "secret": declared.secret,
        "generated": declared.generate is not None,
    }


def template_preview(preview: TemplatePreview) -> Json:
    return {
        "compose": preview.compose,
        "variables": [variable(value) for value in preview.variables],
        "generated_secrets": list(preview.generated_secrets),
        "findings": [finding(found) for found in preview.findings],
        "quota_effect": asdict(preview.quota_effect) if preview.quota_effect else None,
    }
