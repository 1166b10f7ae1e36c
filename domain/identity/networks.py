"""IP addresses and networks: where a request comes from, and where a grant allows requests from."""

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

LOOPBACK = "127.0.0.1"


def client_address(peer: str, forwarded: Sequence[str]) -> str:
    """Return the address of the client behind a connection from `peer`.

    `forwarded` are the values of `X-Forwarded-For`. Only a proxy on this machine is trusted with it: then the client is
    the last address in it that is not this machine's own, because that one was seen by a trusted proxy. Some proxies
    add the port: `192.0.2.7:4711`, `[2001:db8::7]:4711`.
    """
    if not _is_loopback(peer):
        return peer
    words = (word.strip() for value in forwarded for word in value.split(","))
    addresses = [_without_port(word) for word in words if word]
    return next((address for address in reversed(addresses) if not _is_loopback(address)), peer)


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def normalize(text: str) -> str:
    """Return a network as `192.0.2.0/24`, and a network of one as its address. Raise ValueError with a message."""
    if "%" in text:
        raise ValueError(f"{text} names an interface; write the address alone")
    try:
        network = _unmapped(ip_network(text))
    except ValueError:
        raise ValueError(_advice(text)) from None
    return str(network.network_address if network.num_addresses == 1 else network)


def allows(networks: Sequence[str], address: str) -> bool:
    """Return whether one of the networks contains the address. No networks allow every address."""
    if not networks:
        return True
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:  # a client of a Unix socket has no address and is in no network
        return False
    plain = _as_ipv4(parsed)
    return any(plain in ip_network(network) for network in networks)


def is_within(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Return whether `outer` allows every address that `inner` allows."""
    if not outer:
        return True
    wide = _collapsed(outer)
    return bool(inner) and all(any(_covers(network, narrow) for network in wide) for narrow in _collapsed(inner))


def _collapsed(networks: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    parsed = [ip_network(network) for network in networks]
    four = [network for network in parsed if isinstance(network, IPv4Network)]
    six = [network for network in parsed if isinstance(network, IPv6Network)]
    return [*collapse_addresses(four), *collapse_addresses(six)]


def _covers(wide: IPv4Network | IPv6Network, narrow: IPv4Network | IPv6Network) -> bool:
    return wide.version == narrow.version and wide.supernet_of(narrow)  # type: ignore[arg-type]


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return an IPv4-mapped network as IPv4: clients in it are known by their IPv4 address."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return network if mapped is None or network.prefixlen < 96 else IPv4Network((mapped, network.prefixlen - 96))


def _as_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _advice(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return f"{text} is neither an address nor a network such as 192.0.2.0/24"
    return f"{text} is an address within a network: write {network} or {text.partition('/')[0]}"
