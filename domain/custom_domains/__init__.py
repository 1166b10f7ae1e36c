"""Custom domains: attach host names to services, prove who owns them, and say what to do next."""

from domain.custom_domains.certificates import upload_certificate
from domain.custom_domains.changes import delete_domain, update_domain
from domain.custom_domains.creation import create_domain
from domain.custom_domains.reading import DomainDetail, get_domain, list_domains
from domain.custom_domains.verification import verify_domain

__all__ = [
    "DomainDetail",
    "create_domain",
    "delete_domain",
    "get_domain",
    "list_domains",
    "update_domain",
    "upload_certificate",
    "verify_domain",
]
