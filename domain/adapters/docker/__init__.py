"""The engine: Docker 20.10 and later, asked over its own API."""

import ipaddress
import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from docker.errors import APIError, NotFound

from domain.adapters.docker import creating, looking, networking, output, pulling
from domain.adapters.docker.connection import PATIENT, Connection
from domain.adapters.docker.measuring import Meter
from domain.ports.runtime import (
    Container,
    ContainerSpec,
    Engine,
    Image,
    OutputLine,
    PullProgress,
    RegistryCredentials,
    Stats,
)

Labelled = dict[str, Mapping[str, str]]


class Runtime:
    """Containers at a Docker engine; `subnets` is the private range that their networks are cut from."""

    def __init__(self, docker_host: str | None = None, subnets: str = "10.210.0.0/16") -> None:
        self._connection = Connection(docker_host)
        self._subnets = ipaddress.IPv4Network(subnets)
        self._meter = Meter()
        self._histories = looking.Histories()

    def ping(self) -> Engine:
        """Asks for its version."""
        with self._connection.asked() as client:
            return Engine("docker", str(client.version()["Version"]))

    def pull(self, reference: str, progress: PullProgress, credentials: RegistryCredentials | None = None) -> Image:
        """A reference by digest that the engine holds is not pulled again; `hello` is made, not pulled."""
        return pulling.pull(self._connection, reference, progress, credentials)

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None:
        """An `internal` one has no way out to the internet; this host still reaches the containers in it."""
        with self._connection.asked(PATIENT) as client:
            networking.create(client, self._subnets, name, labels, internal=internal)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """On the engine's own disk."""
        with self._connection.asked() as client:
            made = client.create_volume(name, driver="local", labels=dict(labels))
            creating.must_be_ours(made["Labels"] or {}, labels, name)

    def create(self, spec: ContainerSpec) -> None:
        """Repeatable also after a crash between the container and its second network."""
        with self._connection.asked(PATIENT) as client:
            try:
                creating.create(client, spec)
            except APIError as refused:
                if not creating.conflicts(refused):
                    raise
            found = client.inspect_container(spec.name)
            creating.must_be_ours(found["Config"]["Labels"] or {}, spec.labels, spec.name)
            creating.connect(client, spec, found)

    def start(self, name: str) -> None:
        """Starting one that runs is success."""
        with self._connection.asked(PATIENT) as client:
            client.start(name)

    def stop(self, name: str, grace: float) -> None:
        """Returns when it has ended."""
        with self._connection.asked(PATIENT) as client, suppress(NotFound):
            client.stop(name, timeout=math.ceil(grace))

    def remove(self, name: str) -> None:
        """Returns when it is gone, also when somebody else is removing it."""
        with self._connection.asked(PATIENT) as client, suppress(NotFound):
            try:
                client.remove_container(name, v=True, force=True)
            except APIError as refused:
                if not creating.conflicts(refused):
                    raise
                client.wait(name, condition="removed")

    def remove_network(self, name: str) -> None:
        """Disconnects whoever is still in it."""
        with self._connection.asked(PATIENT) as client:
            networking.remove(client, name)

    def remove_volume(self, name: str) -> None:
        """Raises EngineRefused while a container has it."""
        with self._connection.asked(PATIENT) as client, suppress(NotFound):
            client.remove_volume(name)

    def inspect(self, name: str) -> Container | None:
        """A container that waits for its next restart counts as exited."""
        with self._connection.asked() as client, suppress(NotFound):
            return looking.inspected(client.inspect_container(name))
        return None

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """One call, and one more for each that came up or ended within the last minute: the list tells no history."""
        with self._connection.asked() as client:
            found = client.containers(all=True, filters=_carrying(labels))
            return [looking.listed(each, self._histories.of(client, each)) for each in found]

    def networks(self, labels: Mapping[str, str]) -> Labelled:
        """Name → labels."""
        with self._connection.asked() as client:
            return _labelled(client.networks(filters=_carrying(labels)))

    def volumes(self, labels: Mapping[str, str]) -> Labelled:
        """Name → labels."""
        with self._connection.asked() as client:
            return _labelled(client.volumes(filters=_carrying(labels))["Volumes"] or ())

    def logs(self, name: str, tail: int) -> list[str]:
        """Standard output and standard error, in the order in which they came."""
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
        """The engine counts the last lines itself where it can."""
        if tail is not None and until is None and keep is None:
            return output.last(self._connection, name, tail, since) if tail > 0 else []
        return output.chosen(self._connection, name, tail, since, until, keep)

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        """Over a connection of its own. A reader that is slow slows the engine's sending, and nothing else."""
        return output.follow(self._connection, name, since)

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        """Rates are differences between two looks: the first one at a container waits a moment for its second."""
        with self._connection.asked() as client:
            return self._meter.stats(client, names, over)


def _carrying(labels: Mapping[str, str]) -> dict[str, list[str]]:
    return {"label": [f"{name}={value}" for name, value in labels.items()]}


def _labelled(found: Iterable[Mapping[str, Any]]) -> Labelled:
    return {each["Name"]: each["Labels"] or {} for each in found}
