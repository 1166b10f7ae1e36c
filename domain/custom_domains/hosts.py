"""Which hosts a service can have: any but the panel's own and those of other customers."""

from domain.errors import Conflict, Invalid
from domain.model import host_name
from domain.ports.store import Work
from domain.settings import Settings


def parse_host(settings: Settings, text: str) -> str:
    """Return a host in its stored form. Raise Invalid if it is no host, or one of the panel's own."""
    try:
        host = host_name.normalize(text)
    except ValueError as fault:
        raise Invalid({"host": str(fault)}) from None
    if host_name.overlap(host, settings.public_host.lower()):
        raise Invalid({"host": "is the panel's own host, or covers it"})
    base = settings.base_domain.lower()
    if host_name.is_within(host, base) or (base and host_name.covers(host, base)):
        raise Invalid({"host": f"belongs to the subdomains of services below {base}"})
    return host


def parse_redirect(host: str, text: str | None) -> str | None:
    """Return the host that requests are redirected to. Raise Invalid if it is no host, or the domain's own."""
    if text is None:
        return None
    try:
        target = host_name.normalize(text)
    except ValueError as fault:
        raise Invalid({"redirect_to": str(fault)}) from None
    if host_name.is_wildcard(target) or host_name.covers(host, target):
        raise Invalid({"redirect_to": "must be another host, and no wildcard"})
    return target


def require_free(work: Work, host: str, customer_id: str | None) -> None:
    """Raise Conflict if another customer has proved this host, or a wildcard that overlaps it."""
    if work.custom_domains.holder(host, customer_id) is not None:
        raise Conflict(
            f"{host} belongs to another customer of this panel",
            code="domain_taken",
            details="Ask the operator to detach it there if it is yours now",
        )
