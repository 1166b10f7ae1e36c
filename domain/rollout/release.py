"""The release of a deployment: its containers, networks and volumes. All names are derived, so that they are known
before the things exist."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from domain.definitions.checked import check
from domain.model.definition import HealthCheck
from domain.model.deployment import Deployment
from domain.model.project import Component, Mount, Project
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.runtime import ContainerSpec, Image, ImageMissing
from domain.rollout.image_volumes import mount_declared_volumes

_LONGEST_HOSTNAME = 59  # characters: the kernel allows 64, and the number of a replica follows
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
        """Labels for every engine object of this release, except volumes."""
        return {INSTANCE: self.instance, SERVICE: self.service_id, DEPLOYMENT: self.deployment_id}

    @property
    def volume_labels(self) -> dict[str, str]:
        """Labels for volumes. They outlive deployments and belong to the service."""
        return {INSTANCE: self.instance, SERVICE: self.service_id}

    def is_one_shot(self, component: Component) -> bool:
        """Return whether another component waits for this one to complete."""
        conditions = (other.depends_on.get(component.name) for other in self.project.components)
        return "service_completed_successfully" in conditions

    @property
    def public_endpoint(self) -> tuple[Component, int] | None:
        """The component that requests are routed to, and its port; None if the release exposes none."""
        return self.project.public_endpoint(self.port)

    def network(self, name: str) -> str:
        """Return the engine's name for one of the project's networks."""
        return f"{self.service_id}-{self.deployment_id}-{name}"

    def volume(self, name: str) -> str:
        """Return the engine's name for one of the project's volumes, the same for all deployments of the service."""
        return f"{self.service_id}-{name}"

    def volumes(self) -> Iterable[str]:
        """Return the engine's names of all volumes: those of the project, and those that only images declare."""
        mounted = (mount.volume for container in self.containers() for mount in container.mounts)
        return dict.fromkeys((*map(self.volume, self.project.volumes), *mounted))

    def containers(self) -> Iterator[ContainerSpec]:
        """Yield every container, each after those that it depends on."""
        for component in self.project.components:
            yield from self.replicas(component)

    def replicas(self, component: Component) -> Iterator[ContainerSpec]:
        """Yield the containers of one component. The engine must not restart a one-shot component."""
        as_run = replace(component, restart="no") if self.is_one_shot(component) else component
        for replica in range(1, component.replicas + 1):
            yield ContainerSpec(
                name=f"{self.service_id}-{self.deployment_id}-{component.name}-{replica}",
                image=self.images.get(component.image, component.image),
                component=replace(as_run, hostname=component.hostname or _hostname(component, replica)),
                environment={**self.environment, **component.environment},
                networks={self.network(name): _aliases(component, name) for name in component.networks},
                mounts=[replace(mount, volume=self._mounted(mount, replica)) for mount in component.mounts],
                labels={**component.labels, **self.labels, ROLE: component.name},
            )

    def _mounted(self, mount: Mount, replica: int) -> str:
        """Return the engine's name of a mounted volume. No path has two dots in its volume's name."""
        name = self.volume(mount.volume)
        return f"{name}..{replica}" if mount.per_replica and replica > 1 else name

    def with_image(self, image: Image) -> "Release":
        """Return the release with this image pulled, and with the volumes that the image declares.

        A project that exposes nothing takes the ports of the image.
        """
        ports = (self.port,) if self.port else image.ports
        main = self.project.main_component
        project = mount_declared_volumes(self.project, image)
        if ports and main.image == image.reference and not self.exposes:
            project = project.replace_component(replace(project.main_component, expose=ports))
        return replace(
            self,
            images={**self.images, image.reference: image.digest},
            project=project,
        )

    @property
    def exposes(self) -> bool:
        """Whether any component names a port on which it listens."""
        return any(component.expose for component in self.project.components)


def _hostname(component: Component, replica: int) -> str:
    """Return the host name of a replica, which stays over deployments: programs such as RabbitMQ keep data by it."""
    name = component.name[:_LONGEST_HOSTNAME]
    return name if replica == 1 else f"{name}-{replica}"


def _aliases(component: Component, network: str) -> tuple[str, ...]:
    return (component.name, *component.aliases, *component.network_aliases.get(network, ()))


def writable_volumes(component: Component) -> set[str]:
    """Return the project's volumes that a component may write to."""
    return {mount.volume for mount in component.mounts if not mount.read_only}


def with_image_ports(ports: Ports, release: Release) -> Release:
    """Return a release that has run before with the ports that its image names, which no row holds."""
    return release if release.exposes else _with_images(ports, release, (release.project.main_component.image,))


def with_images(ports: Ports, release: Release) -> Release:
    """Return a release that has run before with the ports and volumes that its images name, which no row holds."""
    return _with_images(ports, release, (component.image for component in release.project.components))


def _with_images(ports: Ports, release: Release, references: Iterable[str]) -> Release:
    for reference in dict.fromkeys(references):
        if reference in release.images:
            with suppress(ImageMissing):
                image = ports.runtime.pull(release.images[reference], lambda _: None)
                release = release.with_image(replace(image, reference=reference))
    return release


def build_release(ports: Ports, service: Service, deployment: Deployment) -> Release:
    """Return the release that a deployment stands for. Decrypts its secrets; raise Unavailable if a key is missing."""
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
