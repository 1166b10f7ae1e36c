"""What a deployment starts: compose text, variables, sizes, health check."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variable:
    """One environment variable; the value of a secret one is sealed by the vault."""

    name: str
    value: str
    secret: bool = False


@dataclass(frozen=True)
class Size:
    """What one compose service is given; None leaves what the compose text says."""

    replicas: int | None = None
    cpu: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True)
class HealthCheck:
    """An HTTP check from outside the container: a 2xx or 3xx answer is healthy. Times in seconds."""

    path: str
    port: int | None = None
    interval: int = 10
    timeout: int = 5


@dataclass(frozen=True)
class Definition:
    """Everything that decides what a deployment starts; a deployment keeps its own copy."""

    compose: str
    variables: tuple[Variable, ...] = ()
    port: int | None = None
    sizes: dict[str, Size] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    timeout: int = 120
