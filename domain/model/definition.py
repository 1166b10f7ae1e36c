"""Definitions: compose text, variables, sizes and health check of what a deployment starts."""

from dataclasses import dataclass, field

from domain.model.file import File
from domain.model.git_source import GitSource
from domain.model.hidden import HIDDEN
from domain.model.published_port import PublishedPort
from domain.model.volume import Attachment


@dataclass(frozen=True)
class Variable:
    """An environment variable; the value is encrypted if `secret`."""

    name: str
    value: str = field(metadata=HIDDEN)
    secret: bool = False


@dataclass(frozen=True)
class Size:
    """Overrides of one component's replicas, cores and MB; None keeps what the compose text says."""

    replicas: int | None = None
    cpu: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True)
class MinResources:
    """What a service needs at least, in cores and MB."""

    cpu: float = 0.0
    memory_mb: int = 0
    storage_mb: int = 0


@dataclass(frozen=True)
class HealthCheck:
    """An HTTP check from outside of the container: 2xx and 3xx responses are healthy. Times are in seconds."""

    path: str
    port: int | None = None
    interval: int = 10
    timeout: int = 5


@dataclass(frozen=True)
class Definition:
    """Everything that decides what a deployment starts; a deployment keeps its own copy.

    `port` is the one that visitors reach, `sizes` are by component name, `timeout` is each container's in seconds.
    `files` are those that the text uses, ordered by path. `profiles` are the active profiles of compose.
    `default_size` limits containers for which neither text nor sizes set a limit.
    `auto_rollback`: the version before comes back if this one fails right after it has taken over.
    `publish` are the ports of components that a port of the host leads to. `template_version` is that of the custom
    template that the text is a copy of. `volumes` are mounted besides those of the compose text.
    `git` is what the image in the compose text is built from.
    """

    compose: str = field(metadata=HIDDEN)
    variables: tuple[Variable, ...] = ()
    port: int | None = None
    sizes: dict[str, Size] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    timeout: int = 120
    files: tuple[File, ...] = ()
    profiles: tuple[str, ...] = ()
    auto_rollback: bool = True
    publish: tuple[PublishedPort, ...] = ()
    default_size: Size | None = None
    template_version: int | None = None
    volumes: tuple[Attachment, ...] = ()
    git: GitSource | None = None
