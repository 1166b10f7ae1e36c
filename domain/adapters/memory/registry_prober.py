"""Registries that send their clients nowhere, unless a test says otherwise."""

from collections.abc import Collection, Mapping

from domain.ports.transactions import in_transaction


class RegistryProber:
    """Knows the hosts to which registries refer."""

    def __init__(self, referred: Mapping[str, Collection[str]] | None = None) -> None:
        self.referred = dict(referred or {})

    def referred_hosts(self, registry: str, address: str) -> Collection[str]:
        """Return the hosts that were set for the registry."""
        del address
        if in_transaction():
            raise AssertionError("A registry was asked inside a transaction: only the store may be called there")
        return self.referred.get(registry, ())
