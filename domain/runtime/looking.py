"""A look at a service: its row, its containers at the engine, and the secret values that these were given."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.definitions.variables import decrypt
from domain.identity.access import Caller
from domain.model.deployment import Deployment
from domain.model.masking import Masking
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.runtime import Container
from domain.resources.visibility import get_visible_service
from domain.rollout.release import DEPLOYMENT, INSTANCE, SERVICE


@dataclass(frozen=True)
class Look:
    """What was seen."""

    service: Service
    containers: tuple[Container, ...]

    @property
    def deployment_ids(self) -> set[str]:
        """The live deployment, and those that have containers."""
        live = {self.service.live_deployment_id} if self.service.live_deployment_id else set()
        return live | {container.labels[DEPLOYMENT] for container in self.containers}


def look(ports: Ports, caller: Caller, service_id: str) -> Look:
    """Containers of every deployment, by name; raises NotFound for a service that does not exist for the caller."""
    with ports.store.read() as work:
        service = get_visible_service(caller, work, service_id)
    found = ports.runtime.containers({INSTANCE: ports.instance, SERVICE: service_id})
    ours = sorted((one for one in found if DEPLOYMENT in one.labels), key=lambda one: one.name)
    return Look(service, tuple(ours))


def deployments(ports: Ports, ids: Iterable[str]) -> dict[str, Deployment]:
    """Those of them that there are."""
    with ports.store.read() as work:
        return work.deployments.get_many(set(ids))


class Secrets:
    """The secret values of deployments, which never change: each is opened once."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: set[str] = set()
        self._values: set[str] = set()
        self._masking = Masking()

    def masking(self, seen: Look) -> Masking:
        """Hides the secrets of all deployments that were seen, now or before."""
        new = seen.deployment_ids - self._known
        if new:
            for deployment in deployments(self._ports, new).values():
                hidden = [variable for variable in deployment.definition.variables if variable.secret]
                self._values |= set(decrypt(self._ports.vault, hidden).values())
            self._known |= new
            self._masking = Masking(self._values)
        return self._masking
