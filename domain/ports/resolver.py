"""The addresses of host names, and which of them belong to this machine."""

from collections.abc import Sequence
from typing import Protocol


class Resolver(Protocol):
    """Resolves names as the engine on this machine does."""

    def addresses(self, host: str) -> Sequence[str]:
        """Return the IP addresses of a name, or those that an address in any notation stands for; empty if unknown."""

    def is_local(self, address: str) -> bool:
        """Return whether an IP address is one of this machine."""
