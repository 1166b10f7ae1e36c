"""The containers of a service."""

from dataclasses import dataclass

from domain.identity.access import Caller
from domain.model.deployment import Deployment
from domain.ports import Ports
from domain.ports.runtime import Container, Stats
from domain.ports.store import Page
from domain.resources import queries
from domain.rollout.release import DEPLOYMENT
from domain.runtime.lines import component
from domain.runtime.looking import deployments, look


@dataclass(frozen=True)
class ServiceContainer:
    """A container, what it is for, and what it takes while it runs. `image` is named as it was asked for."""

    container: Container
    component: str
    deployment_id: str
    image: str
    stats: Stats | None


def list_service_containers(ports: Ports, caller: Caller, service_id: str) -> Page[ServiceContainer]:
    """Of every deployment, by name."""
    found = look(ports, caller, service_id).containers
    stats = ports.runtime.stats([one.name for one in found if one.state == "running"])
    made_by = deployments(ports, {one.labels[DEPLOYMENT] for one in found})
    return queries.single_page([_shown(one, made_by.get(one.labels[DEPLOYMENT]), stats.get(one.name)) for one in found])


def _shown(container: Container, deployment: Deployment | None, stats: Stats | None) -> ServiceContainer:
    """The engine knows the image by the digest that was pulled for a name."""
    named = {digest: reference for reference, digest in deployment.images.items()} if deployment else {}
    image = named.get(container.image, container.image)
    return ServiceContainer(container, component(container), container.labels[DEPLOYMENT], image, stats)
