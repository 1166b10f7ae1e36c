"""Handlers of the tag `organizations`."""

from typing import Unpack

from domain import organizations
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import organizations as serialize


def list_organizations(
    ports: Ports, caller: Caller, **parameters: Unpack[organizations.ListOrganizationsParameters]
) -> Answer:
    """GET /organizations"""
    return answers.page(organizations.list_organizations(ports, caller, **parameters), serialize.organization)


def create_organization(ports: Ports, caller: Caller, body: organizations.OrganizationCreate) -> Answer:
    """POST /organizations"""
    return answers.created(organizations.create_organization(ports, caller, body), serialize.organization)


def get_organization(ports: Ports, caller: Caller, organization_id: str) -> Answer:
    """GET /organizations/{organization_id}"""
    return answers.ok(organizations.get_organization(ports, caller, organization_id), serialize.organization)


def update_organization(
    ports: Ports,
    caller: Caller,
    organization_id: str,
    body: organizations.OrganizationUpdate,
    if_match: str | None = None,
) -> Answer:
    """PATCH /organizations/{organization_id}"""
    changed = organizations.update_organization(ports, caller, organization_id, body, if_match=if_match)
    return answers.ok(changed, serialize.organization)


def delete_organization(ports: Ports, caller: Caller, organization_id: str, if_match: str | None = None) -> Answer:
    """DELETE /organizations/{organization_id}"""
    organizations.delete_organization(ports, caller, organization_id, if_match=if_match)
    return answers.no_content()
