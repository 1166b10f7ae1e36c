"""Handlers of the tag `custom_domains`."""

from typing import Unpack

from domain import custom_domains
from domain.custom_domains.certificates import CertificateUpload
from domain.custom_domains.changes import CustomDomainUpdate
from domain.custom_domains.creation import CustomDomainCreate
from domain.custom_domains.reading import ListDomainsParameters
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import custom_domains as serialize


def list_domains(ports: Ports, caller: Caller, **parameters: Unpack[ListDomainsParameters]) -> Answer:
    """GET /domains"""
    return answers.page(custom_domains.list_domains(ports, caller, **parameters), serialize.custom_domain)


def create_domain(ports: Ports, caller: Caller, body: CustomDomainCreate, dry_run: bool = False) -> Answer:
    """POST /domains"""
    return answers.created(custom_domains.create_domain(ports, caller, body, dry_run=dry_run), serialize.custom_domain)


def get_domain(ports: Ports, caller: Caller, domain_id: str) -> Answer:
    """GET /domains/{domain_id}"""
    return answers.ok(custom_domains.get_domain(ports, caller, domain_id), serialize.custom_domain)


def update_domain(
    ports: Ports, caller: Caller, domain_id: str, body: CustomDomainUpdate, if_match: str | None = None
) -> Answer:
    """PATCH /domains/{domain_id}"""
    return answers.ok(
        custom_domains.update_domain(ports, caller, domain_id, body, if_match=if_match), serialize.custom_domain
    )


def delete_domain(ports: Ports, caller: Caller, domain_id: str, if_match: str | None = None) -> Answer:
    """DELETE /domains/{domain_id}"""
    custom_domains.delete_domain(ports, caller, domain_id, if_match=if_match)
    return answers.no_content()


def verify_domain(ports: Ports, caller: Caller, domain_id: str) -> Answer:
    """POST /domains/{domain_id}/verify"""
    return answers.ok(custom_domains.verify_domain(ports, caller, domain_id), serialize.custom_domain)


def upload_certificate(
    ports: Ports, caller: Caller, domain_id: str, body: CertificateUpload, if_match: str | None = None
) -> Answer:
    """PUT /domains/{domain_id}/certificate"""
    return answers.ok(
        custom_domains.upload_certificate(ports, caller, domain_id, body, if_match=if_match), serialize.custom_domain
    )
