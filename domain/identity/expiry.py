"""Removal of expired credentials."""

from domain.ports import Ports


def remove_expired(ports: Ports) -> None:
    """Remove sessions and tickets that have expired: they authenticate nobody and need not be kept."""
    now = ports.clock.now()
    with ports.store.begin() as work:
        work.tickets.remove_expired(now)
        work.sessions.remove_expired(now)
        work.used_tokens.remove_expired(now)
