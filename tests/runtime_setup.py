"""A runtime for tests, in memory or real, with shortcuts to create objects on it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from domain.adapters import memory
from domain.model.identifiers import new_id
from domain.model.project import Component
from domain.ports.container_spec import ContainerSpec
from domain.ports.prober import Prober
from domain.ports.runtime import Container, Runtime

Stream = Literal["stdout", "stderr"]
# The behaviour of the images that `engine.images` builds.
BEHAVIOURS = {
    "store:1": memory.Behaviour(ports=(8080,), volumes=("/data",)),
    "web:1": memory.Behaviour(ports=(8080,)),
    "web:2": memory.Behaviour(ports=(8080,)),
    "crash:1": memory.Behaviour(exit_code=3, lines=("opening the database",), errors=("cannot open it",)),
    "done:1": memory.Behaviour(exit_code=0, lines=("done",)),
    "unhealthy:1": memory.Behaviour(ports=(8080,), probed=True, healthy_after=None),
    "slow:1": memory.Behaviour(ports=(8080,), probed=True, healthy_after=2),
    "sleeper:1": memory.Behaviour(accepts_tcp=False, lines=("asleep",)),
    "missing:1": memory.Behaviour(exists=False),
}


@dataclass
class RuntimeSetup:
    """A runtime and its prober. All objects that the methods create carry `labels`, by which `clear` finds them."""

    runtime: Runtime
    prober: Prober
    reference: Callable[[str], str]
    """Return the full reference of an image of `BEHAVIOURS`."""
    kill: Callable[[str], None]
    print_line: Callable[[str, str, Stream], None]
    """Let a running container print a line."""
    labels: dict[str, str] = field(default_factory=lambda: {"panel.instance": new_id("setup")})

    def name(self, word: str) -> str:
        """Return a name that no other test uses."""
        return f"{self.labels['panel.instance']}-{word}"

    def network(self, word: str = "net", *, internal: bool = False) -> str:
        """Create a network and return its full name."""
        self.runtime.create_network(self.name(word), self.labels, internal=internal)
        return self.name(word)

    def volume(self, word: str = "data") -> str:
        """Create a volume and return its full name."""
        self.runtime.create_volume(self.name(word), self.labels)
        return self.name(word)

    def spec(self, word: str = "web", image: str = "web:1", /, **options: object) -> ContainerSpec:
        """Pull the image and return the spec of a container. Options are fields of ContainerSpec or Component."""
        reference = self.reference(image)
        names = ("environment", "networks", "mounts", "labels", "published")
        fields = {name: options.pop(name) for name in names if name in options}
        fields.setdefault("networks", {self.network(): ()})
        digest = self.runtime.pull(reference, lambda layers: None).digest
        component = Component(word, reference, **{"restart": "no", **options})
        return ContainerSpec(
            **{"environment": {}, "mounts": (), "labels": self.labels, **fields},
            name=self.name(word),
            image=digest,
            component=component,
        )

    def create(self, *words: str, **options: object) -> str:
        """Create the container of `spec` and return its full name."""
        spec = self.spec(*words, **options)
        self.runtime.create(spec)
        return spec.name

    def start(self, *words: str, **options: object) -> str:
        """Create and start the container of `spec` and return its full name."""
        name = self.create(*words, **options)
        self.runtime.start(name)
        return name

    def inspect(self, name: str) -> Container:
        """Return the state of a container that must exist."""
        container = self.runtime.inspect(name)
        assert container is not None
        return container

    def wait_until(self, name: str, condition: Callable[[Container], bool], seconds: float = 20) -> Container:
        """Inspect a container until it meets a condition."""
        deadline = time.monotonic() + seconds
        while not condition(container := self.inspect(name)):
            assert time.monotonic() < deadline, f"{container} and {self.runtime.logs(name, 10)} after {seconds} s"
            time.sleep(0.02)
        return container

    def wait_exited(self, name: str) -> Container:
        """Wait until a container has ended."""
        return self.wait_until(name, lambda container: container.state == "exited")

    def wait_answering(self, name: str, port: int, path: str) -> Container:
        """Wait until a container answers HTTP requests."""
        return self.wait_until(name, lambda container: self.probe_http(container, port, path))

    def probe_tcp(self, container: Container, port: int) -> bool:
        """Probe a TCP port."""
        return self.prober.probe_tcp(container.target(port), 1)

    def probe_http(self, container: Container, port: int, path: str, timeout: float = 5) -> bool:
        """Probe an HTTP path."""
        return self.prober.probe_http(container.target(port), path, timeout)

    def run_script(self, word: str, script: str, /, **options: object) -> list[str]:
        """Run a shell script in a container of the web image and return its output."""
        name = self.start(word, "web:1", command=("sh", "-c", script), **options)
        self.wait_exited(name)
        return self.runtime.logs(name, 100)

    def clear(self) -> None:
        """Remove all objects that carry the labels."""
        for container in self.runtime.containers(self.labels):
            self.runtime.remove(container.name)
        for network in self.runtime.networks(self.labels):
            self.runtime.remove_network(network)
        for volume in self.runtime.volumes(self.labels):
            self.runtime.remove_volume(volume)


def in_memory() -> RuntimeSetup:
    """Return the in-memory runtime with the images of `BEHAVIOURS`."""
    runtime = memory.Runtime({f"panel-test/{name}": behaviour for name, behaviour in BEHAVIOURS.items()})
    print_line = lambda name, text, stream: runtime.print_lines(name, text, stream=stream)  # noqa: E731
    return RuntimeSetup(runtime, memory.Prober(runtime), lambda name: f"panel-test/{name}", runtime.kill, print_line)
