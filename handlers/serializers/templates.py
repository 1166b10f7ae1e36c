"""Templates, whole and in short, and what one would become."""

from dataclasses import asdict

from domain.catalogue.spec.template import Template, TemplateVariable
from domain.templates import TemplatePreview
from handlers.serializers.services import finding, health_check, variable
from handlers.serializers.values import Json


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


def template_preview(one: TemplatePreview) -> Json:
    return {
        "compose": one.compose,
        "variables": [variable(each) for each in one.variables],
        "generated_secrets": list(one.generated_secrets),
        "findings": [finding(each) for each in one.findings],
        "quota_effect": asdict(one.quota_effect) if one.quota_effect else None,
    }
