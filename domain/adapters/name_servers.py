"""The DNS, asked at a name server of the operator's choice or those of the system."""

from collections.abc import Sequence
from ipaddress import ip_address

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from domain.ports.dns import DnsFailed

_SECONDS = 5.0
_MOST = 100


class Dns:
    """Asks `server` ("192.0.2.53", "192.0.2.53:5353"), or the system's name servers. Nothing is cached.

    Raise ValueError if `server` is no address.
    """

    def __init__(self, server: str = "") -> None:
        self._server = server
        if server:
            ip_address(split_address(server)[0])

    def texts(self, name: str) -> Sequence[str]:
        """Return the records as text; bytes that are no UTF-8 are replaced."""
        return [
            b"".join(record.strings).decode(errors="replace")
            for record in self._ask(name, "TXT")
            if isinstance(record, TXT)
        ]

    def addresses(self, name: str) -> Sequence[str]:
        return [record.to_text() for kind in ("A", "AAAA") for record in self._ask(name, kind)]

    def _ask(self, name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
        try:
            answer = self._resolver().resolve(name, kind, search=False, raise_on_no_answer=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise DnsFailed(
                f"The name servers do not answer for {name}", details="Retry later, or check PANEL_DNS"
            ) from error
        return list(answer.rrset or ())[:_MOST]

    def _resolver(self) -> dns.resolver.Resolver:
        """Return a resolver of its own for each question: the system's name servers can change."""
        resolver = dns.resolver.Resolver(configure=not self._server)
        if self._server:
            host, port = split_address(self._server)
            resolver.nameservers, resolver.port = [host], port
        resolver.lifetime = _SECONDS
        return resolver


def split_address(text: str) -> tuple[str, int]:
    """Return the address and the port of `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`.

    Raise ValueError if there is no such port.
    """
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket:
            raise ValueError(text)
        return host, int(port.removeprefix(":") or 53)
    host, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    return host, int(port or 53)
