"""The release of a deployment: its containers, networks and volumes. All names are derived, so that they are known
before the things exist."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from domain.definitions.checked import check
from domain.definitions.files import Contents, digests, masked_texts
from domain.definitions.host_access import may_have_host_access
from domain.model.definition import Definition, HealthCheck
from domain.model.deployment import Deployment
from domain.model.git_source import GitSource
from domain.model.project import Component, Mount, Port, Project, Restart
from domain.model.published_port import PublishedPort
from domain.model.service import AnonymousVolumes, DeployMethod, Service
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import Container, Image
from domain.rollout.image_init import choose_init
from domain.rollout.image_volumes import mount_declared_volumes

_LONGEST_HOSTNAME = 59  # characters: the kernel allows 64, and the number of a replica follows
INSTANCE, SERVICE, DEPLOYMENT, ROLE = "panel.instance", "panel.service", "panel.deployment", "panel.role"


@dataclass(frozen=True)
class Release:
    """What one deployment starts.

    `environment` is given to every container, besides the component's own. `images` maps references to the digests
    pulled for it, `image_ports` to the ports that these images expose; `secrets` are values. `warnings` are about the
    compose text. `anonymous_volumes` are None if they are not known yet. `host_binds` are
    the directories of the host that are attached.
    """

    instance: str
    service_id: str
    subdomain: str
    customer_id: str | None
    deployment_id: str
    project: Project
    environment: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)
    images: Mapping[str, str]
    port: int | None
    health_check: HealthCheck | None
    timeout: int
    auto_rollback: bool = True
    image_ports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    publish: tuple[PublishedPort, ...] = ()
    anonymous_volumes: AnonymousVolumes | None = None
    host_binds: tuple[str, ...] = ()
    git: GitSource | None = None

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

    def restart_policy(self, component: Component) -> Restart:
        """Return how the engine restarts a component while it starts.

        Without a policy in the text, a component that has no others is not restarted: its failure is told at once.
        """
        if self.is_one_shot(component):
            return "on-failure" if component.restart == "on-failure" else "no"
        return component.restart or ("no" if len(self.project.components) == 1 else "on-failure")

    def lasting_policy(self, component: Component) -> Restart | None:
        """Return the restart policy of a component that is up, if the text gives none; else None.

        What serves requests is always restarted. Anything else may be a job, which is done when it ends with 0.
        """
        if component.restart or self.is_one_shot(component):
            return None
        serves = component.expose or component.probe or self.image_ports.get(component.image)
        return "unless-stopped" if serves else "on-failure"

    def may_complete(self, component: Component) -> bool:
        """Return whether a component that ends with 0 has done its work, as a job does.

        What requests are routed to must run, unless the text says that it is not restarted.
        """
        if component.restart is None and not self.is_one_shot(component):
            return self.public_endpoint is None or self.public_endpoint[0].name != component.name
        return self.restart_policy(component) in ("no", "on-failure")

    def has_completed(self, container: ContainerSpec, seen: Container | None) -> bool:
        """Return whether a container has done its work: it ended with 0, and the engine does not start it again."""
        if seen is None or seen.state != "exited" or seen.exit_code != 0 or seen.restarting:
            return False
        return self.may_complete(self.project.component(container.component.name) or container.component)

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
        """Return the names of volumes to create: those of the project, and those that only images declare."""
        mounted = (mount.volume for container in self.containers() for mount in container.mounts)
        names = dict.fromkeys((*map(self.volume, self.project.volumes), *mounted))
        return [name for name in names if name not in {*self._adopted, *self._adopted.values()}]

    @property
    def _adopted(self) -> Mapping[str, str]:
        return self.anonymous_volumes.adopted if self.anonymous_volumes else {}

    def containers(self) -> Iterator[ContainerSpec]:
        """Yield every container, each after those that it depends on."""
        return iter(self._containers)

    @cached_property
    def _containers(self) -> tuple[ContainerSpec, ...]:
        """Cached, because the observer compares them with the engine every two seconds."""
        return tuple(spec for component in self.project.components for spec in self.replicas(component))

    def replicas(self, component: Component) -> Iterator[ContainerSpec]:
        """Yield the containers of one component, as they are created."""
        as_run = replace(component, restart=self.restart_policy(component))
        for replica in range(1, component.replicas + 1):
            yield ContainerSpec(
                name=f"{self.service_id}-{self.deployment_id}-{component.name}-{replica}",
                image=self.images.get(component.image, component.image),
                component=replace(as_run, hostname=component.hostname or _hostname(component, replica)),
                environment={**self.environment, **component.environment},
                networks={self.network(name): _aliases(component, name) for name in component.networks},
                mounts=[replace(mount, volume=self._mounted(mount, replica)) for mount in component.mounts],
                labels={**component.labels, **self.labels, ROLE: component.name},
                published={Port(port.port, port.protocol): port.host_port for port in self._published(component)},
            )

    def _published(self, component: Component) -> list[PublishedPort]:
        return [port for port in self.publish if port.component == component.name]

    def host_ports(self, component: Component) -> set[tuple[str, int]]:
        """Return protocol and port of the host's ports that lead to a component: two containers cannot share one."""
        return {port.host_key for port in self._published(component)}

    def _mounted(self, mount: Mount, replica: int) -> str:
        """Return the engine's name of a mounted volume. No path has two dots in its volume's name."""
        if not mount.volume:
            return ""
        name = self.managed_volume(mount, replica)
        return self._adopted.get(name, name)

    def managed_volume(self, mount: Mount, replica: int) -> str:
        """Return the name that the volume of a mount has if it is no adopted one."""
        name = self.volume(mount.volume)
        return f"{name}..{replica}" if mount.per_replica and replica > 1 else name

    def writable_volumes(self, component: Component) -> set[str]:
        """Return the engine's names of the volumes that the replicas of a component may write to."""
        written = [mount for mount in component.mounts if mount.volume and not mount.read_only]
        return {self._mounted(mount, replica) for mount in written for replica in range(1, component.replicas + 1)}

    def with_image(self, image: Image) -> "Release":
        """Return the release with this image pulled, and with the volumes that the image declares.

        A project that exposes nothing takes the ports of the image.
        """
        ports = (self.port,) if self.port else image.ports
        main = self.project.main_component
        project = choose_init(mount_declared_volumes(self.project, image), image)
        if ports and main.image == image.reference and not self.exposes:
            project = project.replace_component(replace(project.main_component, expose=ports))
        return replace(
            self,
            images={**self.images, image.reference: image.digest},
            image_ports={**self.image_ports, image.reference: image.ports},
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


def with_image_ports(ports: Ports, release: Release) -> Release:
    """Return a release that has run before with the ports that its image names, which no row holds."""
    return release if release.exposes else _with_images(ports, release, (release.project.main_component.image,))


def with_images(ports: Ports, release: Release) -> Release:
    """Return a release that has run before with the ports and volumes that its images name, which no row holds."""
    return _with_images(ports, release, (component.image for component in release.project.components))


def _with_images(ports: Ports, release: Release, references: Iterable[str]) -> Release:
    for reference in dict.fromkeys(references):
        image = ports.runtime.find_image(release.images[reference]) if reference in release.images else None
        if image is not None:
            release = release.with_image(replace(image, reference=reference))
    return release


def build_release(ports: Ports, service: Service, deployment: Deployment) -> Release:
    """Return the release that a deployment stands for. Decrypts its secrets; raise Unavailable if a key is missing.

    A service from an image or from git gives its container all variables. Other texts name the variables that a
    container gets.
    """
    definition = deployment.definition
    contents = _read_contents(ports, service.id, definition)
    access = may_have_host_access(ports.settings, service.customer_id)
    checked = check(ports.vault, definition, contents, host_access=access)
    from_image = service.deploy_method in (DeployMethod.IMAGE, DeployMethod.GIT)
    values = frozenset(checked.values[variable.name] for variable in definition.variables if variable.secret)
    return Release(
        instance=ports.instance,
        service_id=service.id,
        subdomain=service.subdomain or service.name,
        customer_id=service.customer_id,
        deployment_id=deployment.id,
        project=checked.project,
        environment=checked.values if from_image else {},
        secrets=values | masked_texts(ports.vault, definition.files, contents),
        images=deployment.images,
        port=definition.port,
        health_check=definition.health_check,
        timeout=definition.timeout,
        publish=definition.publish,
        host_binds=tuple(attached.host_path for attached in definition.volumes if attached.host_path),
        anonymous_volumes=service.anonymous_volumes,
        warnings=() if from_image else tuple(f"Line {found.line}: {found.message}" for found in checked.warnings),
        auto_rollback=definition.auto_rollback,
        git=definition.git,
    )


def _read_contents(ports: Ports, service_id: str, definition: Definition) -> Contents:
    if not definition.files:
        return {}
    with ports.store.read() as work:
        return work.files.contents(service_id, digests(definition))
