"""What keeps the containers of two versions from running at the same time."""

from domain.model.project import Component
from domain.rollout.release import Release


def find_conflict(release: Release, component: Component, old: Release, earlier: Component) -> str | None:
    """Return why two components cannot run at the same time, or None."""
    if release.writable_volumes(component) & old.writable_volumes(earlier):
        return "two must not write to one volume"
    if release.host_ports(component) & old.host_ports(earlier):
        return "two cannot have one port of the host"
    return None
