"""A resolver with names of its own."""

import socket
from collections.abc import Mapping, Sequence


class Resolver:
    """Knows the names in `names` and `localhost`. Every other name has the address of a host somewhere in the world."""

    def __init__(self, names: Mapping[str, Sequence[str]] | None = None) -> None:
        self.names = {"localhost": ("127.0.0.1", "::1"), **(names or {})}

    def addresses(self, host: str) -> Sequence[str]:
        """Return the addresses of a name. An address is read in each notation that the system's resolver accepts."""
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            return self.names.get(host.lower(), ("8.8.8.8",))

    def is_local(self, address: str) -> bool:
        """Return whether it is a loopback address."""
        return address.startswith("127.") or address == "::1"
