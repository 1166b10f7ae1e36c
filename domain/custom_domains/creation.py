"""Attach a custom domain to a service."""

import secrets
from datetime import datetime
from typing import NotRequired, TypedDict

from domain.custom_domains.addresses import check_addresses
from domain.custom_domains.hosts import parse_host, parse_redirect, require_free
from domain.custom_domains.reading import DomainDetail, detail_of
from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.custom_domain import CustomDomain
from domain.model.identifiers import new_id
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.revisions import retry_when_changed
from domain.resources.visibility import get_changeable_service, get_visible_service
from domain.tenancy.admission import require_feature
from domain.tenancy.tenants import lock_tenant

_MOST = 50  # of a service


class CustomDomainCreate(TypedDict):
    """The body of `create_domain`."""

    host: str
    service_id: str
    path: NotRequired[str]
    redirect_to: NotRequired[str | None]
    force_https: NotRequired[bool]


@retry_when_changed
def create_domain(
    ports: Ports, caller: Caller, body: CustomDomainCreate, *, dry_run: bool = False
) -> Outcome[DomainDetail]:
    """Store a domain that waits for a proof.

    Raise Invalid if the host cannot be one, NotFound if the service does not exist, Forbidden if the plan does not
    include domains, and Conflict if the host is another customer's, attached already, or one too many.
    """
    now = ports.clock.now()
    domain = _new_domain(ports, caller, body, now)

    def create(work: Work) -> tuple[DomainDetail, DryRun]:
        require_feature(lock_tenant(work, now, domain.customer_id), "custom_domains")
        service = get_changeable_service(caller, work, domain.service_id)
        if len(work.custom_domains.of_service(service.id)) >= _MOST:
            raise Conflict(f"{service.name} has {_MOST} domains already", details="Detach one that is not used")
        require_free(work, domain.host, domain.customer_id)
        work.custom_domains.add(domain)
        work.services.save(service)  # the service lists its domains
        change = Change("create", "domain", None, f"Attaches {domain.host} to {service.name}, once it is verified")
        return detail_of(ports, domain), DryRun((change,))

    return perform(ports, create, dry_run=dry_run)


def _new_domain(ports: Ports, caller: Caller, body: CustomDomainCreate, now: datetime) -> CustomDomain:
    """Return a domain of the service's customer, and where it leads now."""
    host = parse_host(ports.settings, body["host"])
    redirect_to = parse_redirect(host, body.get("redirect_to"))
    with ports.store.read() as work:
        owner = get_visible_service(caller, work, body["service_id"]).customer_id
    return CustomDomain(
        id=new_id("dom"),
        host=host,
        path=body.get("path", "/"),
        service_id=body["service_id"],
        token=secrets.token_hex(16),
        created_at=now,
        updated_at=now,
        customer_id=owner,
        redirect_to=redirect_to,
        force_https=body.get("force_https", True),
        dns=check_addresses(ports, host),
    )
