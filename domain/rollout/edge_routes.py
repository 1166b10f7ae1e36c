"""Keep the routes of custom domains at the reverse proxy: one comparison applies all changes since the last one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from domain.errors import Unavailable
from domain.model import host_name
from domain.model.custom_domain import CustomDomain, DomainStatus
from domain.ports import Ports
from domain.ports.edge import Edge, EdgeRefused, EdgeRoute, OwnCertificate
from domain.ports.router import Target, reachable_host
from domain.settings import Settings

_MOST_TRIED = 20  # certificates
_FAULTY = "The reverse proxy refuses the uploaded certificate and uses an automatic one. Upload another one"


class Result(NamedTuple):
    """What became of the routes: `faulty` is a domain whose certificate was left out, `error` why none was applied."""

    faulty: str | None = None
    error: Unavailable | None = None


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
    with_certificates = sorted(
        (domain for domain in domains if domain.id in routes and routes[domain.id].certificate),
        key=lambda domain: domain.updated_at,
        reverse=True,
    )
    faulty, error = _apply(ports.edge, own, routes, [domain.id for domain in with_certificates])
    _record(ports, domains, routes, Result(faulty, error))
    if error is not None:
        raise error


def remove_routes(ports: Ports, service_id: str) -> None:
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


def _apply(
    edge: Edge, own: Sequence[EdgeRoute], routes: Mapping[str, EdgeRoute], with_certificates: Sequence[str]
) -> Result:
    """Apply all routes. If they are refused, leave out the certificate, newest first, without which they are not."""
    try:
        edge.apply([*own, *routes.values()])
    except EdgeRefused as refused:
        for domain_id in with_certificates[:_MOST_TRIED]:
            others = {**routes, domain_id: replace(routes[domain_id], certificate=None)}
            with suppress(EdgeRefused):
                edge.apply([*own, *others.values()])
                return Result(domain_id)
        return Result(error=refused)
    except Unavailable as error:
        return Result(error=error)
    return Result()


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
    """Return the uploaded certificate, unless it covers a host of another customer or of the panel."""
    if domain.certificate is None or domain.certificate_chain is None or domain.certificate_key is None:
        return None
    foreign = [other.host for other in others if other.customer_id != domain.customer_id]
    foreign.append(ports.settings.public_host.lower())
    base = ports.settings.base_domain.lower()
    for name in domain.certificate.names:
        if host_name.is_within(name, base) or any(host_name.overlap(name, host) for host in foreign):
            return None
    return OwnCertificate(domain.certificate_chain, ports.vault.decrypt(domain.certificate_key))


def _outcome(domain: CustomDomain, routed: Collection[str], result: Result) -> tuple[DomainStatus, str | None]:
    """Return the status of a verified domain and its error. A route that was active may still be: it stays so."""
    if result.error is not None:
        return domain.status, result.error.message
    status = DomainStatus.ACTIVE if domain.id in routed else DomainStatus.VERIFIED
    return status, _FAULTY if domain.id == result.faulty else None


def _record(ports: Ports, domains: Sequence[CustomDomain], routed: Collection[str], result: Result) -> None:
    """Write what became of the routes, where that is not known yet."""
    for known in domains:
        if (known.status, known.routing_error) == _outcome(known, routed, result):
            continue
        with ports.store.begin() as work:
            domain = work.custom_domains.get(known.id)
            if domain is not None and domain.verified_at is not None:
                status, message = _outcome(domain, routed, result)
                work.custom_domains.save(replace(domain, status=status, routing_error=message))
