"""What to do next about a domain, in words."""

from datetime import datetime, timedelta
from typing import Literal

from domain.custom_domains.proofs import record_of
from domain.model.custom_domain import Certificate, CustomDomain, DnsStatus, DomainStatus

CertificateStatus = Literal["none", "valid", "expiring", "expired"]
_RENEW_BEFORE = timedelta(days=30)


def certificate_status(certificate: Certificate | None, now: datetime) -> CertificateStatus:
    """Return the status of an uploaded certificate; `none` without one."""
    if certificate is None:
        return "none"
    if now >= certificate.not_after:
        return "expired"
    return "expiring" if now >= certificate.not_after - _RENEW_BEFORE else "valid"


def next_step(domain: CustomDomain, now: datetime, *, has_proxy: bool) -> str:
    """Return the next step. `has_proxy` says whether the panel has a reverse proxy for custom domains."""
    if domain.status is DomainStatus.PENDING:
        record = record_of(domain)
        return f"Add the TXT record {record.name} with the value {record.value}, then verify the domain."
    if not has_proxy:
        return "The panel has no reverse proxy for custom domains. The operator sets PANEL_CADDY_ADMIN."
    return _dns_step(domain) or _routing_step(domain) or _certificate_step(domain, now) or "Nothing is left to do."


def _dns_step(domain: CustomDomain) -> str | None:
    expected = " or ".join(domain.dns.expected)
    if domain.dns.status is DnsStatus.MISSING:
        target = f" that leads to {expected}" if expected else ""
        return f"{domain.host} has no address. Add an A, AAAA or CNAME record{target}, then verify the domain."
    if domain.dns.status is DnsStatus.ELSEWHERE:
        found = ", ".join(domain.dns.addresses[:5])
        return (
            f"{domain.host} leads to {found}. Change its records so that it leads to {expected}, unless a proxy there"
            " forwards requests to the panel."
        )
    return None


def _routing_step(domain: CustomDomain) -> str | None:
    if domain.routing_error:
        return f"The route does not work: {domain.routing_error}"
    if domain.status is not DomainStatus.ACTIVE:
        return "Wait a few seconds for the route, or deploy the service if it never ran."
    return None


def _certificate_step(domain: CustomDomain, now: datetime) -> str | None:
    status = certificate_status(domain.certificate, now)
    if status in ("expiring", "expired"):
        return f"The uploaded certificate is {status}. Upload a new one."
    return None
