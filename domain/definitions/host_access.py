"""Which services may have power over the host: the admins' own, of no customer, if PANEL_HOST_ACCESS is `owner`."""

from domain.identity.access import Caller
from domain.model.role import Role
from domain.settings import Settings


def may_give_host_access(settings: Settings, caller: Caller, customer_id: str | None) -> bool:
    """Return whether the caller may deploy a service of this customer that has power over the host."""
    unbound = caller.role is Role.ADMIN and caller.customer_id is None
    return unbound and may_have_host_access(settings, customer_id)


def may_have_host_access(settings: Settings, customer_id: str | None) -> bool:
    """Return whether a stored service of this customer may have power over the host: its deployments were checked."""
    return settings.host_access == "owner" and customer_id is None
