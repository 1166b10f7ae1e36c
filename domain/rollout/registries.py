"""Pull from registries: which may be asked, and with whose login."""

import logging
from contextlib import suppress

from domain.errors import Unavailable
from domain.model.image_reference import DOCKER_HUB, registry_of
from domain.model.registry import Registry
from domain.ports import Ports
from domain.ports.runtime import Image, PullFailed, PullProgress, RegistryCredentials, RegistryRefused
from domain.resources.outbound import refused_address, refused_among

_log = logging.getLogger(__name__)
_ADVICE = "Use another one, or ask the operator to add its address to PANEL_ALLOWED_NETWORKS"


def pull_from_registry(
    ports: Ports, customer_id: str | None, reference: str, progress: PullProgress, platform: str | None = None
) -> Image:
    """Pull an image with the login that serves a customer's services. Raise PullFailed if it cannot be pulled.

    Raise RegistryRefused without asking if the registry is one that may not be asked.
    """
    host = registry_of(reference)
    require_outside(ports, host)
    with ports.store.read() as work:
        registry = work.registries.serving(host, customer_id)
    if registry is None:
        return ports.runtime.pull(reference, progress, platform=platform)
    try:
        image = ports.runtime.pull(reference, progress, credentials_of(ports, registry), platform)
    except PullFailed as failed:
        _record_login(ports, registry, failed.code)
        raise
    _record_login(ports, registry, None)
    return image


def require_outside(ports: Ports, host: str) -> None:
    """Raise RegistryRefused if callers may not make the engine connect to a registry, or to where that sends it.

    The panel asks the registry first, as the engine follows its realm and redirects to any host.
    """
    if host == DOCKER_HUB:
        return
    addresses = ports.resolver.addresses(host.partition(":")[0])
    if address := refused_among(ports, addresses):
        _log.warning("the registry %s is not asked: it is at %s", host, address)
        raise RegistryRefused(f"The registry {host} is not on the internet. {_ADVICE}")
    for referred in ports.registry_prober.referred_hosts(host, addresses[0]) if addresses else ():
        if address := refused_address(ports, referred):
            _log.warning("the registry %s is not asked: it sends its clients to %s at %s", host, referred, address)
            raise RegistryRefused(
                f"The registry {host} sends its clients to a host that is not on the internet. {_ADVICE}"
            )


def credentials_of(ports: Ports, registry: Registry) -> RegistryCredentials:
    """Return a registry's login. Raise Unavailable if the key of the secrets is lost."""
    return RegistryCredentials(registry.username, ports.vault.decrypt(registry.password))


def _record_login(ports: Ports, registry: Registry, error: str | None) -> None:
    """Record a login whose result differs from the last one. A missing image says nothing about the login."""
    if error in (registry.login_error, "image_missing"):
        return
    with suppress(Unavailable), ports.store.begin() as work:
        work.registries.record_login(registry.id, ports.clock.now(), error)
