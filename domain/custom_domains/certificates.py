"""Upload a certificate for a custom domain."""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from domain.custom_domains.reading import DomainDetail, detail_of
from domain.errors import Invalid
from domain.identity.access import Caller
from domain.model import host_name
from domain.model.custom_domain import Certificate
from domain.ports import Ports
from domain.ports.certificates import CertificateError
from domain.resources import revisions
from domain.resources.visibility import get_visible
from domain.tenancy.admission import require_feature
from domain.tenancy.tenants import lock_tenant


class CertificateUpload(TypedDict):
    """The body of `upload_certificate`."""

    certificate: str
    private_key: str


@revisions.retry_when_changed
def upload_certificate(
    ports: Ports, caller: Caller, domain_id: str, body: CertificateUpload, if_match: str | None = None
) -> DomainDetail:
    """Store a certificate with its key, encrypted.

    Raise Invalid if they do not fit each other, or if the certificate is not valid now or not for the host.
    """
    now = ports.clock.now()
    with ports.store.read() as work:
        known = get_visible(caller, work.custom_domains, "Domain", domain_id)
    revisions.match(if_match, known.revision, "domain")
    certificate = _check(ports, body, known.host, now)
    key = ports.vault.encrypt(body["private_key"])
    with ports.store.begin() as work:
        require_feature(lock_tenant(work, now, known.customer_id), "custom_domains")
        domain = get_visible(caller, work.custom_domains, "Domain", domain_id)
        revisions.match(if_match, domain.revision, "domain")
        changed = replace(
            domain,
            certificate=certificate,
            certificate_chain=body["certificate"],
            certificate_key=key,
            updated_at=now,
        )
        work.custom_domains.save(changed)
    return detail_of(ports, changed)


def _check(ports: Ports, body: CertificateUpload, host: str, now: datetime) -> Certificate:
    try:
        certificate = ports.certificates.check(body["certificate"], body["private_key"])
    except CertificateError as fault:
        raise Invalid({fault.field: str(fault)}) from None
    if not certificate.not_before <= now < certificate.not_after:
        raise Invalid({"certificate": f"is valid from {certificate.not_before} to {certificate.not_after}, not now"})
    if not any(host_name.covers(name, host) for name in certificate.names):
        raise Invalid({"certificate": f"does not cover {host}"})
    return certificate
