"""Which hosts a caller may make the panel or the engine connect to: hosts of the internet, and those that are allowed.

A name is judged by the addresses that it has now. Its owner can change them before the engine resolves it again, and a
registry can send the engine to another host than it has told the panel: only rules for outgoing traffic stop that.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from domain.ports import Ports

# Addresses of cloud services for virtual machines that look like hosts of the internet: Azure's WireServer, Oracle's
# metadata (in a block of the IETF, https://www.rfc-editor.org/rfc/rfc6890).
_METADATA = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
# Prefixes of IPv6 whose last 32 bits are an IPv4 address that the network connects to: NAT64 (RFC 6052, RFC 8215).
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))

Address = IPv4Address | IPv6Address


def refused_address(ports: Ports, host: str) -> str | None:
    """Return an address of the host that callers may not reach; None if they may reach all of its addresses.

    A host without addresses is not refused: nothing can connect to it.
    """
    return refused_among(ports, ports.resolver.addresses(host))


def refused_among(ports: Ports, addresses: Iterable[str]) -> str | None:
    """Return the first of the addresses that callers may not reach; None if they may reach all."""
    own = set(ports.resolver.addresses(ports.settings.public_host)) if ports.settings.public_url else set()
    for text in addresses:
        address = ip_address(text.partition("%")[0])
        targets = {address, *_embedded(address)}
        if not any(is_allowed(ports, target) for target in targets) and (
            any(is_inside(target) for target in targets) or text in own or ports.resolver.is_local(text)
        ):
            return text
    return None


def is_allowed(ports: Ports, address: Address) -> bool:
    """Return whether PANEL_ALLOWED_NETWORKS contains the address."""
    return any(address in ip_network(network) for network in ports.settings.allowed_networks)


def is_inside(address: Address) -> bool:
    """Return whether an address is not one of the internet: loopback, private, link-local, metadata, multicast, …."""
    return not address.is_global or address.is_multicast or any(address in network for network in _METADATA)


def _embedded(address: Address) -> list[Address]:
    """Return the IPv4 addresses to which packets for an IPv6 address may go (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, IPv4Address):
        return []
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    translated = [last] if any(address in network for network in _NAT64) else []
    teredo = address.teredo[1] if address.teredo else None
    return [found for found in (address.ipv4_mapped, address.sixtofour, teredo, *translated) if found]
