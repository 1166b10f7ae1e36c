"""A stage for tests: any runtime, and short ways to put containers on it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from domain.adapters import memory
from domain.model.identifiers import new_id
from domain.model.project import Component
from domain.ports.runtime import Container, ContainerSpec, Runtime

Stream = Literal["stdout", "stderr"]
# What the images that `engine.images` makes do, in the twin's words.
BEHAVIOURS = {
    "web:1": memory.Behaviour(ports=(8080,)),
    "web:2": memory.Behaviour(ports=(8080,)),
    "crash:1": memory.Behaviour(exit_code=3, lines=("opening the database",), errors=("cannot open it",)),
    "done:1": memory.Behaviour(exit_code=0, lines=("done",)),
    "unhealthy:1": memory.Behaviour(ports=(8080,), probed=True, healthy_after=None),
    "slow:1": memory.Behaviour(ports=(8080,), probed=True, healthy_after=2),
    "sleeper:1": memory.Behaviour(accepts=False, lines=("asleep",)),
    "missing:1": memory.Behaviour(exists=False),
}


@dataclass
class Stage:
    """A runtime, and short ways to put something on it; everything here carries `labels` and goes away afterwards."""

    runtime: Runtime
    reference: Callable[[str], str]
    kill: Callable[[str], None]
    say: Callable[[str, str, Stream], None]
    """Let a running container print a line."""
    labels: dict[str, str] = field(default_factory=lambda: {"panel.instance": new_id("stage")})

    def name(self, word: str) -> str:
        """A name that no other test uses."""
        return f"{self.labels['panel.instance']}-{word}"

    def network(self, word: str = "net", *, internal: bool = False) -> str:
        """A network by a word of the test's own."""
        self.runtime.create_network(self.name(word), self.labels, internal=internal)
        return self.name(word)

    def volume(self, word: str = "data") -> str:
        """A volume by a word of the test's own."""
        self.runtime.create_volume(self.name(word), self.labels)
        return self.name(word)

    def spec(self, word: str = "web", image: str = "web:1", /, **given: object) -> ContainerSpec:
        """A container of an image that is pulled here; what ContainerSpec does not know goes to the component."""
        reference = self.reference(image)
        of_spec = {name: given.pop(name) for name in ("environment", "networks", "volumes", "labels") if name in given}
        of_spec.setdefault("networks", {self.network(): ()})
        digest = self.runtime.pull(reference, lambda layers: None).digest
        component = Component(word, reference, **{"restart": "no", **given})
        return ContainerSpec(
            **{"environment": {}, "volumes": {}, "labels": self.labels, **of_spec},
            name=self.name(word),
            image=digest,
            component=component,
        )

    def created(self, *words: str, **given: object) -> str:
        """Create what `spec` says; answer the full name."""
        spec = self.spec(*words, **given)
        self.runtime.create(spec)
        return spec.name

    def started(self, *words: str, **given: object) -> str:
        """Create and start what `spec` says; answer the full name."""
        name = self.created(*words, **given)
        self.runtime.start(name)
        return name

    def now(self, name: str) -> Container:
        """A look at a container that must exist."""
        found = self.runtime.inspect(name)
        assert found is not None
        return found

    def until(self, name: str, wanted: Callable[[Container], bool], seconds: float = 20) -> Container:
        """Look until the container is as wanted."""
        end = time.monotonic() + seconds
        while not wanted(found := self.now(name)):
            assert time.monotonic() < end, f"{found} and {self.runtime.logs(name, 10)} after {seconds} s"
            time.sleep(0.02)
        return found

    def ended(self, name: str) -> Container:
        """Wait for its end."""
        return self.until(name, lambda found: found.state == "exited")

    def said(self, word: str, script: str, /, **given: object) -> list[str]:
        """What a shell script prints in a container of the web image."""
        name = self.started(word, "web:1", command=("sh", "-c", script), **given)
        self.ended(name)
        return self.runtime.logs(name, 100)

    def clear(self) -> None:
        """Remove all that carries the labels."""
        for container in self.runtime.containers(self.labels):
            self.runtime.remove(container.name)
        for network in self.runtime.networks(self.labels):
            self.runtime.remove_network(network)
        for volume in self.runtime.volumes(self.labels):
            self.runtime.remove_volume(volume)


def in_memory() -> Stage:
    """A stage of the twin that knows the images of `engine.images`."""
    runtime = memory.Runtime({f"panel-test/{name}": behaviour for name, behaviour in BEHAVIOURS.items()})
    say = lambda name, text, stream: runtime.say(name, text, stream=stream)  # noqa: E731
    return Stage(runtime, lambda name: f"panel-test/{name}", runtime.kill, say)
