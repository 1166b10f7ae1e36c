"""Builds in memory: they read the Dockerfile and do what its instructions would, of those that they know."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import replace

from domain.adapters.memory.containers import Behaviour, FakeContainer, image_of
from domain.ports.builder import Build, BuildFailed, BuildOutput
from domain.ports.runtime import Engine, EngineRefused, Image

_BEAT = 0.1  # seconds


class Builds:
    """The part of the in-memory engine that builds images.

    `EXPOSE` gives the image a port. `RUN ["/bin/busybox", "echo", …]` prints, `false` fails, and `sleep` waits until
    the caller ends the build. Containers of the image behave as `built` says.
    """

    fakes: dict[str, FakeContainer]
    built = Behaviour()
    _local: dict[str, Behaviour]
    _released: threading.Event
    _built_labels: dict[str, Mapping[str, str]]

    def ping(self) -> Engine:
        """Raise Unavailable if the engine is away."""
        raise NotImplementedError

    def build(self, build: Build, output: BuildOutput) -> Image:
        """Read the context and run the instructions."""
        self.ping()
        files = {file.path: file.content for file in build.context}
        if build.dockerfile not in files:
            raise BuildFailed(f"The build context has no file {build.dockerfile}")
        ports = []
        for number, line in enumerate(files[build.dockerfile].decode().splitlines(), start=1):
            name, _, rest = line.partition(" ")
            output([f"step {number}: {line}"])
            ports += [int(rest.partition("/")[0])] if name == "EXPOSE" else []
            if name == "RUN":
                self._run(rest, output)
        text = repr((sorted(files.items()), sorted(build.arguments.items())))
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        behaviour = replace(self.built, ports=tuple(ports))
        self._local |= {digest: behaviour, build.tag: behaviour}
        self._built_labels[digest] = dict(build.labels)
        return image_of(digest, behaviour)

    def _run(self, command: str, output: BuildOutput) -> None:
        _, program, *arguments = json.loads(command)
        if program == "echo":
            output([" ".join(arguments)])
        if program == "false":
            raise BuildFailed(f"RUN {command} ended with exit code 1")
        while program == "sleep" and not self._released.wait(_BEAT):
            output(())

    def built_images(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Return what was built."""
        self.ping()
        return {digest: found for digest, found in self._built_labels.items() if labels.items() <= found.items()}

    def remove_image(self, digest: str) -> None:
        """Remove an image that was built."""
        self.ping()
        if any(fake.spec.image == digest for fake in self.fakes.values()):
            raise EngineRefused(f"image {digest} is in use")
        self._built_labels.pop(digest, None)
        self._local.pop(digest, None)
