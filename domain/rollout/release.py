"""A deployment as it stands at the engine: every name is derived, so it is known before the thing exists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from domain.definitions.checked import check
from domain.model.definition import HealthCheck
from domain.model.deployment import Deployment
from domain.model.project import Component, Project
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.runtime import ContainerSpec, Image, ImageMissing

INSTANCE, SERVICE, DEPLOYMENT, ROLE = "panel.instance", "panel.service", "panel.deployment", "panel.role"


@dataclass(frozen=True)
class Release:
    """What one deployment starts. `images` maps references to the digests pulled for it; `secrets` are values."""

    instance: str
    service_id: str
    service_name: str
    deployment_id: str
    project: Project
    environment: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)
    images: Mapping[str, str]
    port: int | None
    health_check: HealthCheck | None
    timeout: int

    @property
    def labels(self) -> dict[str, str]:
        """What marks everything that this release makes, volumes apart."""
        return {INSTANCE: self.instance, SERVICE: self.service_id, DEPLOYMENT: self.deployment_id}

    @property
    def volume_labels(self) -> dict[str, str]:
        """Volumes outlive deployments: they are the service's."""
        return {INSTANCE: self.instance, SERVICE: self.service_id}

    def ends(self, component: Component) -> bool:
        """Whether another component waits for this one to do its work and end."""
        wishes = (other.depends_on.get(component.name) for other in self.project.components)
        return "service_completed_successfully" in wishes

    @property
    def front(self) -> tuple[Component, int] | None:
        """The component that visitors reach and its port."""
        return self.project.public_endpoint(self.port)

    def network(self, name: str) -> str:
        """The engine's name for one of the project's networks."""
        return f"{self.service_id}-{self.deployment_id}-{name}"

    def volume(self, name: str) -> str:
        """The engine's name for one of the project's volumes: the same for all deployments of the service."""
        return f"{self.service_id}-{name}"

    def containers(self) -> Iterator[ContainerSpec]:
        """Every container, each after those that it depends on."""
        for component in self.project.components:
            yield from self.replicas(component)

    def replicas(self, component: Component) -> Iterator[ContainerSpec]:
        """The containers of one component. One that is waited for to end must not be started again by the engine."""
        as_run = replace(component, restart="no") if self.ends(component) else component
        for replica in range(1, component.replicas + 1):
            yield ContainerSpec(
                name=f"{self.service_id}-{self.deployment_id}-{component.name}-{replica}",
                image=self.images.get(component.image, component.image),
                component=as_run,
                environment={**self.environment, **component.environment},
                networks={self.network(name): (component.name,) for name in component.networks},
                volumes={self.volume(mount.volume): (mount.path, mount.read_only) for mount in component.mounts},
                labels={**component.labels, **self.labels, ROLE: component.name},
            )

    def with_image(self, image: Image) -> "Release":
        """The same with this image pulled. A project that exposes nothing takes the ports that the image names."""
        images = {**self.images, image.reference: image.digest}
        ports = (self.port,) if self.port else image.ports
        if self.exposes or self.project.main_component.image != image.reference or not ports:
            return replace(self, images=images)
        components = tuple(
            replace(one, expose=ports) if one.name == self.project.main_component.name else one
            for one in self.project.components
        )
        return replace(self, images=images, project=replace(self.project, components=components))

    @property
    def exposes(self) -> bool:
        """Whether anything in it says at which port it listens."""
        return any(component.expose for component in self.project.components)


def written(component: Component) -> set[str]:
    """The project's volumes that a component may write to."""
    return {mount.volume for mount in component.mounts if not mount.read_only}


def resolved(ports: Ports, release: Release) -> Release:
    """A release that has run before, with the ports that its image names: these stand in no row."""
    face = release.project.main_component.image
    if release.exposes or face not in release.images:
        return release
    try:
        image = ports.runtime.pull(release.images[face], lambda _: None)
    except ImageMissing:
        return release
    return release.with_image(Image(face, image.digest, image.ports))


def release_of(ports: Ports, service: Service, deployment: Deployment) -> Release:
    """The release that a deployment stands for; opens its secrets."""
    definition = deployment.definition
    checked = check(ports.vault, definition)
    return Release(
        instance=ports.instance,
        service_id=service.id,
        service_name=service.name,
        deployment_id=deployment.id,
        project=checked.project,
        environment=checked.values,
        secrets=frozenset(checked.values[variable.name] for variable in definition.variables if variable.secret),
        images=deployment.images,
        port=definition.port,
        health_check=definition.health_check,
        timeout=definition.timeout,
    )
