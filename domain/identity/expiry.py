"""What has expired is worth nothing, and need not be kept."""

from domain.ports import Ports


def forget_expired(ports: Ports) -> None:
    """Remove sessions and tickets whose time is over."""
    now = ports.clock.now()
    with ports.store.begin() as work:
        work.tickets.forget(now)
        work.sessions.forget(now)
