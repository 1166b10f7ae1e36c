"""A reverse proxy that keeps its routes in memory and serves nothing."""

from collections.abc import Sequence

from domain.ports.edge import EdgeFailed, EdgeRefused, EdgeRoute
from domain.ports.transactions import in_transaction


class Edge:
    """Keeps routes, and counts their changes. `away` makes every call fail; `refused` are chains that it refuses."""

    def __init__(self) -> None:
        self.routes: tuple[EdgeRoute, ...] = ()
        self.changes = 0
        self.away = False
        self.refused: set[str] = set()

    def apply(self, routes: Sequence[EdgeRoute]) -> bool:
        if in_transaction():
            raise RuntimeError("routes were applied inside a transaction")
        if self.away:
            raise EdgeFailed("The reverse proxy does not answer", details="Start it, or check PANEL_CADDY_ADMIN")
        if any(route.certificate and route.certificate.chain in self.refused for route in routes):
            raise EdgeRefused("The reverse proxy refuses the configuration")
        if tuple(routes) == self.routes:
            return False
        self.routes, self.changes = tuple(routes), self.changes + 1
        return True
