"""Update and detach custom domains."""

from dataclasses import replace
from typing import Any, Literal, TypedDict

from domain.custom_domains.hosts import parse_redirect
from domain.custom_domains.reading import DomainDetail, detail_of
from domain.identity.access import Caller
from domain.ports import Ports
from domain.resources import revisions
from domain.resources.visibility import get_visible
from domain.rollout.service_queue import touch
from domain.tenancy.admission import require_feature
from domain.tenancy.tenants import lock_tenant


class CustomDomainUpdate(TypedDict, total=False):
    """The body of `update_domain`."""

    path: str
    redirect_to: str | None
    force_https: bool
    certificate_source: Literal["automatic"]


@revisions.retry_when_changed
def update_domain(
    ports: Ports, caller: Caller, domain_id: str, body: CustomDomainUpdate, if_match: str | None = None
) -> DomainDetail:
    """Apply a merge patch. Raise Conflict if the customer has the host with this path already."""
    now = ports.clock.now()
    with ports.store.read() as work:
        known = get_visible(caller, work.custom_domains, "Domain", domain_id)
    revisions.match(if_match, known.revision, "domain")
    changes: dict[str, Any] = {**body, "updated_at": now}
    if changes.pop("certificate_source", None):
        changes |= {"certificate": None, "certificate_chain": None, "certificate_key": None}
    if "redirect_to" in body:
        changes["redirect_to"] = parse_redirect(known.host, body["redirect_to"])
    with ports.store.begin() as work:
        require_feature(lock_tenant(work, now, known.customer_id), "custom_domains")
        domain = get_visible(caller, work.custom_domains, "Domain", domain_id)
        revisions.match(if_match, domain.revision, "domain")
        changed = replace(domain, **changes)
        work.custom_domains.save(changed)
    return detail_of(ports, changed)


def delete_domain(ports: Ports, caller: Caller, domain_id: str, if_match: str | None = None) -> None:
    """Detach a domain from its service. The reverse proxy drops its route when it is compared next."""
    with ports.store.read() as work:
        service_id = get_visible(caller, work.custom_domains, "Domain", domain_id).service_id
    with ports.store.begin() as work:
        touch(work, service_id)  # the service lists its domains; it is locked before them
        domain = get_visible(caller, work.custom_domains, "Domain", domain_id)
        revisions.match(if_match, domain.revision, "domain")
        work.custom_domains.remove(domain_id)
