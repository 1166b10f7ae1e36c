"""The containers of a service."""

from dataclasses import dataclass
from typing import TypedDict, Unpack

from domain.identity.access import Caller
from domain.model.deployment import Deployment
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.runtime import Container, Stats
from domain.resources import queries
from domain.rollout.release import DEPLOYMENT
from domain.runtime.lines import component
from domain.runtime.observation import get_deployments, observe


@dataclass(frozen=True)
class ServiceContainer:
    """A container with its component and deployment. `image` is the requested reference."""

    container: Container
    component: str
    deployment_id: str
    image: str
    stats: Stats | None


class ListServiceContainersParameters(TypedDict, total=False):
    """The query parameters of `list_service_containers`."""

    page: int
    per_page: int


def list_service_containers(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[ListServiceContainersParameters]
) -> Page[ServiceContainer]:
    """Return a page of the containers of all deployments of a service, sorted by name."""
    page = queries.paginate(observe(ports, caller, service_id).containers, **parameters)
    stats = ports.runtime.stats([container.name for container in page.items if container.state == "running"])
    made_by = get_deployments(ports, {container.labels[DEPLOYMENT] for container in page.items})
    return page.convert(
        lambda container: _service_container(
            container, made_by.get(container.labels[DEPLOYMENT]), stats.get(container.name)
        )
    )


def _service_container(container: Container, deployment: Deployment | None, stats: Stats | None) -> ServiceContainer:
    """Replace the digest, under which the engine has the image, by the requested reference."""
    named = {digest: reference for reference, digest in deployment.images.items()} if deployment else {}
    image = named.get(container.image, container.image)
    return ServiceContainer(container, component(container), container.labels[DEPLOYMENT], image, stats)
