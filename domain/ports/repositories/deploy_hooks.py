"""The repository of deploy hooks and of the deliveries that they have accepted."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from domain.model.deploy_hook import DeployHook, HookDelivery
from domain.ports.repository import Repository


class DeployHooks(Repository[DeployHook], Protocol):
    """Deploy hooks. They are removed with their service."""

    def of_service(self, service_id: str) -> list[DeployHook]:
        """Return the hooks of a service, oldest first."""

    def record_delivery(self, hook_id: str, delivery: HookDelivery) -> None:
        """Set the last delivery. The revision stays."""

    def remember(self, hook_id: str, digests: Collection[str], now: datetime, *, most: int) -> bool:
        """Store the digests of a delivery and return True; return False if one of them is stored already.

        Of two parallel blocks with an equal digest, one gets True. Of each hook, the newest `most` digests are kept.
        """
