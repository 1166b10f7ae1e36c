"""The part of the container engine that builds images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from domain.model.steps import FailureCode

if TYPE_CHECKING:
    from domain.ports.runtime import Image


class BuildFailed(Exception):  # noqa: N818
    """The Dockerfile cannot be built. The message names the step that failed, without paths of the host."""

    code: FailureCode = "build_failed"


@dataclass(frozen=True)
class ContextFile:
    """A file that a build can read. `link`: it is a symbolic link, and its content is the target."""

    path: str
    content: bytes = field(repr=False)
    executable: bool = False
    link: bool = False


@dataclass(frozen=True)
class Build:
    """What to build. `context` is read once in each try. The image gets the name `tag` and the labels."""

    context: Iterable[ContextFile]
    dockerfile: str
    arguments: Mapping[str, str]
    tag: str
    labels: Mapping[str, str]


BuildOutput = Callable[[Sequence[str]], None]
"""Called with the next lines of a build's output, as text that JSON can carry."""


class Builder(Protocol):
    """The part of the container engine that builds images."""

    def build(self, build: Build, output: BuildOutput) -> "Image":
        """Build an image. Raise BuildFailed.

        Base images that the engine has are not pulled again. Calls `output` at least twice a second, even without
        lines. An exception from it, or from the context, ends the build.
        """

    def built_images(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Return digest and labels of all images that carry all these labels."""

    def remove_image(self, digest: str) -> None:
        """Remove an image with all of its names. Raise EngineRefused while a container uses it."""
