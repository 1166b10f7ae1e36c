"""Probes: whether a container accepts connections and answers requests."""

from typing import Protocol

from domain.ports.router import Target


class Prober(Protocol):
    """Connects to targets as the router does. Nothing is raised: a probe succeeds or fails.

    The target None stands for a container without an address; its probes fail.
    """

    def probe_tcp(self, target: Target | None, timeout: float) -> bool:
        """Return whether the target accepts a TCP connection within `timeout` seconds."""

    def probe_http(self, target: Target | None, path: str, timeout: float) -> bool:
        """Return whether the target answers `GET path` with 2xx or 3xx within `timeout` seconds."""
