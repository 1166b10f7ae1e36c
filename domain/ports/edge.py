"""The edge: the reverse proxy that accepts requests for custom domains and ends TLS."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import Unavailable
from domain.ports.router import Target


class EdgeFailed(Unavailable):
    """The reverse proxy does not answer, or refuses its routes."""

    default = "route_failed"


class EdgeRefused(EdgeFailed):
    """The reverse proxy refuses the routes, and keeps those that it had."""

    default = "route_failed"


@dataclass(frozen=True)
class OwnCertificate:
    """A certificate that the edge does not make itself: the chain and the key in PEM."""

    chain: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class EdgeRoute:
    """Where the requests for a host and a path go: to `upstream`, or to another host by a redirect.

    `host` may be a wildcard of one label. Of two routes that match, the one with the exact host and the longer path
    wins. Without a certificate of its own, the edge gets one for the host.
    """

    id: str
    host: str
    path: str
    upstream: Target
    redirect_to: str | None = None
    force_https: bool = True
    certificate: OwnCertificate | None = None


class Edge(Protocol):
    """The routes of this panel at the reverse proxy. What others have configured there stays as it is."""

    def apply(self, routes: Sequence[EdgeRoute]) -> bool:
        """Make these the only routes of the panel, in one step. Return whether anything had to change.

        Does nothing if they are in place already, so that it can be called often. Raise EdgeRefused or EdgeFailed.
        """
