"""Where a host leads, and where it should lead."""

from collections.abc import Sequence
from ipaddress import ip_address

from domain.errors import Unavailable
from domain.model import host_name
from domain.model.custom_domain import DnsState, DnsStatus
from domain.ports import Ports

_LABEL = "ai-admin-panel-check"  # some name that a wildcard stands for


def check_addresses(ports: Ports, host: str) -> DnsState:
    """Return where a host leads now. Name servers that do not answer make the state unknown."""
    now = ports.clock.now()
    try:
        addresses = addresses_of(ports, host)
        expected = _expected(ports)
    except Unavailable:
        return DnsState(checked_at=now)
    return DnsState(_status(addresses, expected), addresses, expected, now)


def addresses_of(ports: Ports, host: str) -> tuple[str, ...]:
    """Return the addresses of a host, or of a name that a wildcard covers. Raise Unavailable."""
    name = f"{_LABEL}.{host_name.plain(host)}" if host_name.is_wildcard(host) else host
    return tuple(ports.dns.addresses(name))


def _expected(ports: Ports) -> tuple[str, ...]:
    """Return the addresses of the panel's public host; none if it has no public URL."""
    host = ports.settings.public_host
    if not ports.settings.public_url:
        return ()
    try:
        return (str(ip_address(host)),)
    except ValueError:
        return tuple(ports.dns.addresses(host))


def _status(addresses: Sequence[str], expected: Sequence[str]) -> DnsStatus:
    if not addresses:
        return DnsStatus.MISSING
    if not expected:
        return DnsStatus.UNKNOWN
    return DnsStatus.OK if set(addresses) <= set(expected) else DnsStatus.ELSEWHERE
