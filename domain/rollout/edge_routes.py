"""Keep the routes of custom domains at the reverse proxy: one comparison applies all changes since the last one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from domain.errors import Unavailable
from domain.model import host_name
from domain.model.custom_domain import CustomDomain, DomainStatus
from domain.ports import Ports
from domain.ports.edge import Edge, EdgeRoute, OwnCertificate
from domain.ports.router import Target, reachable_host
from domain.settings import Settings


def synchronize(ports: Ports) -> None:
    """Apply the routes of all verified domains whose services have a port, and record what became of them.

    The panel has a route too if its public URL is https, and each service below PANEL_BASE_DOMAIN.
    Raise Unavailable if the reverse proxy does not answer or refuses the routes.
    """
    if ports.edge is None:
        return
    with ports.store.read() as work:
        domains = work.custom_domains.verified()
        subdomains = work.services.subdomains() if ports.settings.base_domain else {}
    routes = {domain.id: route for domain in domains if (route := _route(ports, domain, domains))}
    own = [*_panel_routes(ports.settings), *_subdomain_routes(ports, subdomains)]
    error = _apply(ports.edge, [*own, *routes.values()])
    _record(ports, domains, routes, error)
    if error is not None:
        raise error


def withdraw(ports: Ports, service_id: str) -> None:
    """Take the routes of a service away, which is being deleted. Raise Unavailable as `synchronize` does.

    Its domains lose their proof first, so that no other comparison brings the routes back.
    """
    with ports.store.begin() as work:
        domains = work.custom_domains.of_service(service_id)
        for domain in domains:
            if domain.verified_at is not None:
                work.custom_domains.save(replace(domain, status=DomainStatus.PENDING, verified_at=None))
    if domains or ports.settings.base_domain:
        synchronize(ports)


def _panel_routes(settings: Settings) -> Iterator[EdgeRoute]:
    if settings.public_url.startswith("https://"):
        upstream = Target(reachable_host(settings.host), settings.port)
        yield EdgeRoute("panel", settings.public_host.lower(), "/", upstream)


def _subdomain_routes(ports: Ports, subdomains: Mapping[str, str]) -> Iterator[EdgeRoute]:
    for service_id, subdomain in subdomains.items():
        upstream = ports.router.listener(service_id)
        if upstream is not None:
            yield EdgeRoute(service_id, f"{subdomain}.{ports.settings.base_domain}", "/", upstream)


def _apply(edge: Edge, routes: Sequence[EdgeRoute]) -> Unavailable | None:
    try:
        edge.apply(routes)
    except Unavailable as error:
        return error
    return None


def _route(ports: Ports, domain: CustomDomain, others: Sequence[CustomDomain]) -> EdgeRoute | None:
    """Return the route of a domain; None if its service has no port to send requests to."""
    upstream = ports.router.listener(domain.service_id)
    if upstream is None:
        return None
    return EdgeRoute(
        id=domain.id,
        host=domain.host,
        path=domain.path,
        upstream=upstream,
        redirect_to=domain.redirect_to,
        force_https=domain.force_https,
        certificate=_certificate(ports, domain, others),
    )


def _certificate(ports: Ports, domain: CustomDomain, others: Sequence[CustomDomain]) -> OwnCertificate | None:
    """Return the uploaded certificate, unless it covers a host of another customer, which would be served with it."""
    if domain.certificate is None or domain.certificate_chain is None or domain.certificate_key is None:
        return None
    foreign = [other.host for other in others if other.customer_id != domain.customer_id]
    if any(host_name.overlap(name, host) for name in domain.certificate.names for host in foreign):
        return None
    return OwnCertificate(domain.certificate_chain, ports.vault.decrypt(domain.certificate_key))


def _outcome(
    domain: CustomDomain, routed: Collection[str], error: Unavailable | None
) -> tuple[DomainStatus, str | None]:
    """Return the status of a verified domain and its error. A route that was active may still be: it stays so."""
    if error is not None:
        return domain.status, error.message
    return (DomainStatus.ACTIVE if domain.id in routed else DomainStatus.VERIFIED), None


def _record(ports: Ports, domains: Sequence[CustomDomain], routed: Collection[str], error: Unavailable | None) -> None:
    """Write what became of the routes, where that is not known yet."""
    for known in domains:
        if (known.status, known.routing_error) == _outcome(known, routed, error):
            continue
        with ports.store.begin() as work:
            domain = work.custom_domains.get(known.id)
            if domain is not None and domain.verified_at is not None:
                status, message = _outcome(domain, routed, error)
                work.custom_domains.save(replace(domain, status=status, routing_error=message))
