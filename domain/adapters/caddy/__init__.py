"""Custom domains on Caddy, 2.6 or later, through its admin API.

The upstream of a route is the port of a service, which stays the same over deployments, because every change of the
configuration makes Caddy reload all of it: 2.6 then closes the WebSockets of all services, later ones after a delay.
"""

from collections.abc import Sequence

from domain.adapters.caddy.admin import Admin, CaddyRefused
from domain.adapters.caddy.configuration import with_routes
from domain.ports.edge import EdgeRoute


class Edge:
    """The routes of a panel at Caddy. `address` is an http URL, or the path of a Unix socket."""

    def __init__(self, address: str) -> None:
        self._admin = Admin(address)
        self._knows_close_delay = True

    def apply(self, routes: Sequence[EdgeRoute]) -> bool:
        """Compare the whole configuration and replace what differs with one request, which reloads once."""
        current = self._admin.read()
        try:
            return self._replace(current, routes)
        except CaddyRefused as refused:
            if not (self._knows_close_delay and "stream_close_delay" in refused.answer):
                raise
            self._knows_close_delay = False  # before 2.7; the configuration has not changed
            return self._replace(current, routes)

    def _replace(self, current: dict[str, object], routes: Sequence[EdgeRoute]) -> bool:
        wanted = with_routes(current, routes, close_delay=self._knows_close_delay)
        if wanted == current:
            return False
        self._admin.write(wanted)
        return True
