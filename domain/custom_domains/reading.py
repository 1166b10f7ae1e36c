"""Read custom domains: the list, and one."""

from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

from domain.custom_domains.next_step import CertificateStatus, certificate_status, next_step
from domain.identity.access import Caller
from domain.model.custom_domain import CustomDomain
from domain.ports import Ports
from domain.ports.repository import Page
from domain.resources.queries import list_query
from domain.resources.visibility import get_visible


class ListDomainsParameters(TypedDict, total=False):
    """The query parameters of `list_domains`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["host", "status", "created_at"]
    search: str
    service_id: str
    status: Literal["pending", "verified", "active"]
    customer_id: str


@dataclass(frozen=True)
class DomainDetail:
    """A custom domain with what follows from it now."""

    domain: CustomDomain
    certificate_status: CertificateStatus
    next_step: str

    @property
    def revision(self) -> int:
        """Return the revision of the domain."""
        return self.domain.revision


def list_domains(ports: Ports, caller: Caller, **parameters: Unpack[ListDomainsParameters]) -> Page[DomainDetail]:
    """Return a page of the domains that the caller can see."""
    with ports.store.read() as work:
        found = work.custom_domains.page(list_query(caller, parameters, ["service_id", "status"]))
    return found.convert(lambda domain: detail_of(ports, domain))


def get_domain(ports: Ports, caller: Caller, domain_id: str) -> DomainDetail:
    """Return the domain, or raise NotFound."""
    with ports.store.read() as work:
        domain = get_visible(caller, work.custom_domains, "Domain", domain_id)
    return detail_of(ports, domain)


def detail_of(ports: Ports, domain: CustomDomain) -> DomainDetail:
    """Return a domain with what follows from it now."""
    now = ports.clock.now()
    step = next_step(domain, now, has_proxy=ports.edge is not None)
    return DomainDetail(domain, certificate_status(domain.certificate, now), step)
