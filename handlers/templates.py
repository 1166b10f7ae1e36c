"""Handlers of the tag `templates`."""

from typing import Unpack

from domain import templates
from domain.identity.access import Caller
from domain.ports import Ports
from domain.templates import (
    ListTemplatesParameters,
    TemplateCreate,
    TemplateDeployment,
    TemplatePreviewRequest,
    TemplateReplacement,
)
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import templates as serialize
from handlers.serializers.services import service as serialize_service

_STILL = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def list_templates(ports: Ports, caller: Caller, **parameters: Unpack[ListTemplatesParameters]) -> Answer:
    """GET /templates"""
    return answers.page(templates.list_templates(ports, caller, **parameters), serialize.template_summary)


def create_template(ports: Ports, caller: Caller, body: TemplateCreate, dry_run: bool = False) -> Answer:
    """POST /templates"""
    return answers.created(templates.create_template(ports, caller, body, dry_run=dry_run), serialize.template)


def get_template(ports: Ports, caller: Caller, template_id: str) -> Answer:
    """GET /templates/{template_id}"""
    return answers.ok(templates.get_template(ports, caller, template_id), serialize.template)


def replace_template(
    ports: Ports, caller: Caller, template_id: str, body: TemplateReplacement, if_match: str | None = None
) -> Answer:
    """PUT /templates/{template_id}"""
    return answers.ok(
        templates.replace_template(ports, caller, template_id, body, if_match=if_match), serialize.template
    )


def delete_template(ports: Ports, caller: Caller, template_id: str, if_match: str | None = None) -> Answer:
    """DELETE /templates/{template_id}"""
    templates.delete_template(ports, caller, template_id, if_match=if_match)
    return answers.no_content()


def get_template_logo(ports: Ports, caller: Caller, template_id: str) -> Answer:
    """GET /templates/{template_id}/logo"""
    logo = templates.get_template_logo(ports, caller, template_id)
    safe = {"Content-Security-Policy": _STILL, "X-Content-Type-Options": "nosniff"}
    return Answer(200, logo.content, {"ETag": logo.etag, "Cache-Control": "max-age=3600", **safe}, logo.media_type)


def preview_template(ports: Ports, caller: Caller, template_id: str, body: TemplatePreviewRequest) -> Answer:
    """POST /templates/{template_id}/preview"""
    return answers.ok(templates.preview_template(ports, caller, template_id, body), serialize.template_preview)


def deploy_template(
    ports: Ports, caller: Caller, template_id: str, body: TemplateDeployment, dry_run: bool = False
) -> Answer:
    """POST /templates/{template_id}/deploy"""
    return answers.created(
        templates.deploy_template(ports, caller, template_id, body, dry_run=dry_run), serialize_service
    )
