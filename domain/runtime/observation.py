"""A service with its containers at the engine, and the masking of its secrets."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.definitions.files import masked_texts
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
class Observation:
    """A service and its containers at one time."""

    service: Service
    containers: tuple[Container, ...]

    @property
    def deployment_ids(self) -> set[str]:
        """The live deployment and all deployments that have containers."""
        live = {self.service.live_deployment_id} if self.service.live_deployment_id else set()
        return live | {container.labels[DEPLOYMENT] for container in self.containers}


def observe(ports: Ports, caller: Caller, service_id: str) -> Observation:
    """Return a service and the containers of all its deployments, sorted by name.

    Raise NotFound if the caller cannot see the service.
    """
    with ports.store.read() as work:
        service = get_visible_service(caller, work, service_id)
    containers = ports.runtime.containers({INSTANCE: ports.instance, SERVICE: service_id})
    deployed = sorted((item for item in containers if DEPLOYMENT in item.labels), key=lambda item: item.name)
    return Observation(service, tuple(deployed))


def get_deployments(ports: Ports, ids: Iterable[str]) -> dict[str, Deployment]:
    """Return those of these deployments that exist, by id."""
    with ports.store.read() as work:
        return work.deployments.get_many(set(ids))


class SecretMasking:
    """Masks the secrets of deployments. SecretMasking of a deployment never change, so they are decrypted once."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: set[str] = set()
        self._values: set[str] = set()
        self._masking = Masking()

    def masking(self, seen: Observation) -> Masking:
        """Return the masking for the deployments of this observation and of all earlier ones."""
        new = seen.deployment_ids - self._known
        if new:
            for deployment in get_deployments(self._ports, new).values():
                hidden = [variable for variable in deployment.definition.variables if variable.secret]
                self._values |= set(decrypt(self._ports.vault, hidden).values()) | self._file_texts(deployment)
            self._known |= new
            self._masking = Masking(self._values)
        return self._masking

    def _file_texts(self, deployment: Deployment) -> set[str]:
        secret = [file for file in deployment.definition.files if file.secret]
        if not secret:
            return set()
        with self._ports.store.read() as work:
            contents = work.files.contents(deployment.service_id, {file.digest for file in secret})
        return masked_texts(self._ports.vault, secret, contents)
