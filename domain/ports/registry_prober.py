"""Asks registries where they send their clients."""

from collections.abc import Collection
from typing import Protocol


class RegistryProber(Protocol):
    """Connects to registries as the engine does, but without a login, and follows nothing."""

    def referred_hosts(self, registry: str, address: str) -> Collection[str]:
        """Return the hosts to which a registry sends its clients: for a token (`realm`), or by a redirect.

        `registry` is HOST or HOST:PORT, and `address` the address of it to connect to. Empty if it does not answer
        within seconds, or not as registries do.
        """
