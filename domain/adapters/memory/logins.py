"""Logins at registries in memory."""

from dataclasses import dataclass, field

from domain.ports.runtime import PullFailed, RegistryCredentials, RegistryRefused


@dataclass
class Logins:
    """What registries accept, by host: `accepted` has the only login, `failures` how every login fails.

    Other registries accept every login.
    """

    accepted: dict[str, RegistryCredentials] = field(default_factory=dict)
    failures: dict[str, PullFailed] = field(default_factory=dict)

    def check(self, host: str, credentials: RegistryCredentials) -> None:
        """Raise PullFailed if the registry does not accept the login."""
        if host in self.failures:
            raise self.failures[host]
        if self.accepted.get(host, credentials) != credentials:
            raise RegistryRefused(f"The registry {host} does not accept this username and password")
