"""The DNS, as the rest of the world sees it."""

from collections.abc import Sequence
from typing import Protocol

from domain.errors import Unavailable


class DnsFailed(Unavailable):
    """The name servers do not answer, or refuse to."""

    default = "dns_unavailable"


class Dns(Protocol):
    """Asks name servers. All methods raise DnsFailed; a name that does not exist has no records."""

    def texts(self, name: str) -> Sequence[str]:
        """Return the TXT records of a name, at most a hundred."""

    def addresses(self, name: str) -> Sequence[str]:
        """Return the addresses of a name, IPv4 before IPv6, at most a hundred."""
