"""Addresses and networks that a key works from, written in one way."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)

HERE = "127.0.0.1"


def visitor(peer: str, forwarded: Sequence[str]) -> str:
    """Who is really calling: a proxy on this machine is believed what it says in `X-Forwarded-For`, nobody else is.

    Of the addresses there, the last that is not this machine's own was seen by a proxy that is believed.
    """
    if not _is_here(peer):
        return peer
    told = [word.strip() for text in forwarded for word in text.split(",") if word.strip()]
    return next((word for word in reversed(told) if not _is_here(word)), peer)


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def normal(text: str) -> str:
    """`192.0.2.0/24`, or the bare address of a network of one. Raises ValueError with words for its user."""
    if "%" in text:
        raise ValueError(f"{text} names an interface; write the address alone")
    try:
        network = _unmapped(ip_network(text))
    except ValueError:
        raise ValueError(_advice(text)) from None
    return str(network.network_address if network.num_addresses == 1 else network)


def admits(networks: Sequence[str], address: str) -> bool:
    """Whether a caller from this address is in one of the networks; no networks admit everybody."""
    if not networks:
        return True
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # a caller without an address, as at a unix socket, is in no network
        return False
    seen = _seen(found)
    return any(seen in ip_network(network) for network in networks)


def within(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Whether everybody whom `inner` admits is admitted by `outer` too."""
    if not outer:
        return True
    wide = _merged(outer)
    return bool(inner) and all(any(_covers(each, narrow) for each in wide) for narrow in _merged(inner))


def _merged(networks: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    parsed = [ip_network(network) for network in networks]
    old = [network for network in parsed if isinstance(network, IPv4Network)]
    new = [network for network in parsed if isinstance(network, IPv6Network)]
    return [*collapse_addresses(old), *collapse_addresses(new)]


def _covers(wide: IPv4Network | IPv6Network, narrow: IPv4Network | IPv6Network) -> bool:
    return wide.version == narrow.version and wide.supernet_of(narrow)  # type: ignore[arg-type]


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """An IPv4 network that is written as IPv6 would admit nobody: its callers are seen by their IPv4 address."""
    old = getattr(network.network_address, "ipv4_mapped", None)
    return network if old is None or network.prefixlen < 96 else IPv4Network((old, network.prefixlen - 96))


def _seen(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _advice(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return f"{text} is no address and no network such as 192.0.2.0/24"
    return f"{text} is an address within a network: write {network} or {text.partition('/')[0]}"
