"""The container engine Docker, 20.10 and later, over its API."""

import ipaddress
import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from domain.adapters.docker import (
    building,
    commands,
    container_config,
    files,
    following,
    inspection,
    login,
    networks,
    output,
    pulling,
    volumes,
)
from domain.adapters.docker.connection import LONG_TIMEOUT, MEASURE_TIMEOUT, Connection
from domain.adapters.docker.stats import StatsSampler
from domain.errors import Unavailable
from domain.model.project import Restart
from domain.ports.builder import Build, BuildOutput
from domain.ports.commands import Command, CommandResult
from domain.ports.container_spec import ContainerSpec
from domain.ports.output import OutputLine
from domain.ports.runtime import Container, Engine, Image, PullProgress, RegistryCredentials, Stats

LabelsByName = dict[str, Mapping[str, str]]


class Runtime:
    """Containers of a Docker engine. The subnets of their networks are taken from the private range `subnets`.

    Ports are published at the addresses of `host`.
    """

    def __init__(self, docker_host: str | None = None, subnets: str = "10.210.0.0/16", host: str = "127.0.0.1") -> None:
        self._connection = Connection(docker_host)
        self._host = host
        self._subnets = ipaddress.IPv4Network(subnets)
        self._sampler = StatsSampler()
        self._details = inspection.DetailsCache()

    def ping(self) -> Engine:
        """Ask for the version. If the engine does not answer, the error names its host: only operators see that."""
        try:
            with self._connection.client() as client:
                return Engine("docker", str(client.version()["Version"]))
        except Unavailable as refusal:
            raise Unavailable(
                f"{refusal.message}; it is {self._connection.host}", code="engine_unavailable"
            ) from refusal

    def close(self) -> None:
        """Close the connections to the engine. They are opened again when they are needed."""
        self._connection.close()

    def pull(
        self,
        reference: str,
        progress: PullProgress,
        credentials: RegistryCredentials | None = None,
        platform: str | None = None,
    ) -> Image:
        """Pull an image. The hello image is built, not pulled."""
        return pulling.pull(self._connection, pulling.PullRequest(reference, credentials, platform), progress)

    def log_in(self, host: str, credentials: RegistryCredentials) -> None:
        """Let the engine log in at a registry."""
        login.log_in(self._connection, host, credentials)

    def find_image(self, reference: str) -> Image | None:
        """Return an image of the engine. What is no reference of an image, such as a path, names none."""
        return pulling.find(self._connection, reference)

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None:
        """Create a network. This host reaches containers in an `internal` network too."""
        with self._connection.client(LONG_TIMEOUT) as client:
            networks.create(client, self._subnets, name, labels, internal=internal)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume on the engine's disk."""
        with self._connection.client() as client:
            volume = client.create_volume(name, driver="local", labels=dict(labels))
            container_config.check_labels(volume["Labels"] or {}, labels, name)

    def create(self, spec: ContainerSpec) -> None:
        """Create a container. Can be repeated after a crash between the container and its files or second network."""
        spec = files.with_directories(spec)
        with self._connection.client(LONG_TIMEOUT) as client:
            try:
                container_config.create(client, spec, container_config.published_address(self._host))
            except APIError as error:
                if not container_config.is_conflict(error):
                    raise
            found = client.inspect_container(spec.name)
            container_config.check_labels(found["Config"]["Labels"] or {}, spec.labels, spec.name)
            container_config.connect(client, spec, found)
            if not found["State"]["Running"]:
                files.write(client, spec, shared=False)

    def write_files(self, spec: ContainerSpec) -> None:
        """Write the files that are in volumes of the service."""
        with self._connection.client(LONG_TIMEOUT) as client:
            files.write(client, spec, shared=True)

    def start(self, name: str) -> None:
        """Start a container; succeeds if it is running already."""
        with self._connection.client(LONG_TIMEOUT) as client:
            client.start(name)

    def set_restart(self, name: str, policy: Restart) -> None:
        with self._connection.client() as client, suppress(NotFound):
            client.update_container(name, restart_policy=container_config.restart_policy(policy))

    def stop(self, name: str, grace: float) -> None:
        """Stop a container and wait until it has ended."""
        with self._connection.client(LONG_TIMEOUT) as client, suppress(NotFound):
            client.stop(name, timeout=math.ceil(grace))

    def remove(self, name: str) -> None:
        """Remove a container, or wait for a removal that is in progress."""
        labels = None
        with self._connection.client(LONG_TIMEOUT) as client:
            with suppress(NotFound):
                found = client.inspect_container(name)
                labels = found["Config"]["Labels"] or {}
                self._remove(client, name)
                for volume in inspection.own_volumes(found):
                    client.remove_volume(volume)
            files.remove_image(client, name, labels)

    def _remove(self, client: APIClient, name: str) -> None:
        try:
            client.remove_container(name, force=True)
        except APIError as error:
            if not container_config.is_conflict(error):
                raise
            client.wait(name, condition="removed")

    def remove_network(self, name: str) -> None:
        with self._connection.client(LONG_TIMEOUT) as client:
            networks.remove(client, name)

    def remove_volume(self, name: str) -> None:
        with self._connection.client(LONG_TIMEOUT) as client, suppress(NotFound):
            client.remove_volume(name)

    def inspect(self, name: str) -> Container | None:
        """Return the state. A container that waits for its next restart counts as exited."""
        with self._connection.client() as client, suppress(NotFound):
            return inspection.from_inspection(client.inspect_container(name))
        return None

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """List containers in one call, plus one for each that started or ended within the last minute."""
        with self._connection.client() as client:
            entries = client.containers(all=True, filters=_label_filter(labels))
            return [inspection.from_listing(entry, self._details.get(client, entry)) for entry in entries]

    def networks(self, labels: Mapping[str, str]) -> LabelsByName:
        with self._connection.client() as client:
            return _labels_by_name(client.networks(filters=_label_filter(labels)))

    def volumes(self, labels: Mapping[str, str]) -> LabelsByName:
        with self._connection.client() as client:
            return _labels_by_name(client.volumes(filters=_label_filter(labels))["Volumes"] or ())

    def volume_sizes(self) -> dict[str, int]:
        """Return sizes without those of images and containers, except from engines that always measure all."""
        with self._connection.client(MEASURE_TIMEOUT) as client:
            return volumes.sizes(client, MEASURE_TIMEOUT)

    def logs(self, name: str, tail: int) -> list[str]:
        """Return lines of stdout and stderr in the order in which they were printed."""
        return [line.text for line in self.output(name, tail=tail)]

    def output(
        self,
        name: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        keep: Callable[[OutputLine], bool] | None = None,
    ) -> list[OutputLine]:
        """Return lines of the output. The engine selects the last lines itself if there is no other condition."""
        if tail is not None and until is None and keep is None:
            return output.read_last(self._connection, name, tail, since) if tail > 0 else []
        return output.read_selected(self._connection, name, tail, since, until, keep)

    def may_lack_output(self, name: str, since: datetime) -> bool:
        return output.may_lack_lines(self._connection, name, since)

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        """Yield output over a connection of its own. A slow reader slows only the engine's sending."""
        return following.follow(self._connection, name, since)

    def run_command(self, name: str, command: Command) -> CommandResult:
        """Run a command with `exec`."""
        return commands.run(self._connection, name, command)

    def build(self, build: Build, output: BuildOutput) -> Image:
        """Build an image with BuildKit."""
        return building.build(self._connection, build, output)

    def built_images(self, labels: Mapping[str, str]) -> LabelsByName:
        return building.built_images(self._connection, labels)

    def remove_image(self, digest: str) -> None:
        building.remove_image(self._connection, digest)

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        """Return stats. Rates need two measurements; the first call for a container waits a moment between them."""
        with self._connection.client() as client:
            return self._sampler.stats(client, names, over)


def _label_filter(labels: Mapping[str, str]) -> dict[str, list[str]]:
    return {"label": [f"{name}={value}" for name, value in labels.items()]}


def _labels_by_name(found: Iterable[Mapping[str, Any]]) -> LabelsByName:
    return {entry["Name"]: entry["Labels"] or {} for entry in found}
