"""Verify a custom domain: look for a proof in the DNS or on the host, and check where the host leads."""

from dataclasses import replace

from domain.custom_domains.addresses import addresses_of, check_addresses
from domain.custom_domains.hosts import require_free
from domain.custom_domains.proofs import ProofFile, file_of, record_of
from domain.custom_domains.reading import DomainDetail, detail_of, get_domain
from domain.errors import Unavailable
from domain.identity.access import Caller
from domain.model.custom_domain import CustomDomain, DnsState, DomainStatus
from domain.ports import Ports
from domain.ports.dns import DnsFailed
from domain.resources.outbound import refused_among
from domain.resources.revisions import retry_when_changed
from domain.resources.visibility import get_visible
from domain.tenancy.admission import require_feature
from domain.tenancy.tenants import lock_tenant


def verify_domain(ports: Ports, caller: Caller, domain_id: str) -> DomainDetail:
    """Record whether a proof is found, and where the host leads.

    A verified domain stays verified. Raise Unavailable if the name servers do not answer, and Conflict if another
    customer has proved the host.
    """
    known = get_domain(ports, caller, domain_id).domain
    try:
        missing = None if known.verified_at else _missing_proof(ports, known)
    except DnsFailed as failed:
        raise Unavailable(failed.message, code="dns_unavailable", details=failed.details) from None
    return detail_of(ports, _record(ports, caller, known, missing, check_addresses(ports, known.host)))


@retry_when_changed
def _record(ports: Ports, caller: Caller, known: CustomDomain, missing: str | None, dns: DnsState) -> CustomDomain:
    now = ports.clock.now()
    with ports.store.begin() as work:
        require_feature(lock_tenant(work, now, known.customer_id), "custom_domains")
        domain = get_visible(caller, work.custom_domains, "Domain", known.id)
        changed = replace(domain, dns=dns, verification_error=missing, updated_at=now)
        if missing is None and not domain.verified_at:
            require_free(work, domain.host, domain.customer_id)
            changed.status, changed.verified_at = DomainStatus.VERIFIED, now
        work.custom_domains.save(changed)
    return changed


def _missing_proof(ports: Ports, domain: CustomDomain) -> str | None:
    """Return None if a proof is found, else why there is none."""
    record = record_of(domain)
    if record.value in ports.dns.texts(record.name):
        return None
    file = file_of(domain)
    reason = _missing_file(ports, file) if file else "no file can prove a wildcard"
    return reason and f"The TXT record {record.name} does not have the value {record.value}, and {reason}"


def _missing_file(ports: Ports, file: ProofFile) -> str | None:
    """Return None if the host serves the file, else why it does not.

    The addresses are judged before the connection is made to one of them: the name is not looked up again.
    """
    addresses = addresses_of(ports, file.host)
    if not addresses:
        return f"{file.host} has no address"
    if refused_among(ports, addresses) is not None:
        return f"{file.host} leads to the panel itself or to a network of the inside, where no file is read"
    content = ports.web_reader.read(addresses[0], file.host, file.path)
    if content is None or content.strip() != file.content.encode():
        return f"{file.url} does not have the content {file.content}"
    return None
