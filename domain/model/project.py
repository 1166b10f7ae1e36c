"""The meaning of a checked compose text: a project of components, with every reference resolved."""

from dataclasses import dataclass, field
from typing import Literal

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
Restart = Literal["no", "always", "on-failure", "unless-stopped"]


@dataclass(frozen=True)
class Probe:
    """A container's healthcheck. Times are in seconds.

    `test` has the engine's form: `CMD` and argv, `CMD-SHELL` and one string, or empty for the image's own test.
    """

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    disabled: bool = False


@dataclass(frozen=True)
class Mount:
    """A volume of the project, and the path in the container where it is mounted."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class Component:
    """One compose service. `command` and `entrypoint` are argv; None means the image's own."""

    name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    expose: tuple[int, ...] = ()
    mounts: tuple[Mount, ...] = ()
    probe: Probe | None = None
    depends_on: dict[str, Condition] = field(default_factory=dict)
    restart: Restart = "unless-stopped"
    labels: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    working_dir: str | None = None
    tmpfs: tuple[str, ...] = ()
    read_only: bool = False
    cap_drop: tuple[str, ...] = ()
    stop_grace: float = 10.0
    cpu: float | None = None
    memory_mb: int | None = None
    replicas: int = 1
    networks: tuple[str, ...] = ("default",)

    @property
    def writes(self) -> bool:
        """Return whether it mounts a volume that it can write to."""
        return any(not mount.read_only for mount in self.mounts)


@dataclass(frozen=True)
class Project:
    """A whole compose text. Components are ordered: each follows those that it depends on.

    `networks` maps names to whether the network is internal (without access to the outside).
    """

    components: tuple[Component, ...]
    volumes: tuple[str, ...] = ()
    networks: dict[str, bool] = field(default_factory=lambda: {"default": False})

    def component(self, name: str) -> Component | None:
        """Return the component with this name, or None."""
        return next((component for component in self.components if component.name == name), None)

    @property
    def main_component(self) -> Component:
        """Return the first component that no other depends on: an application, rather than its database."""
        return self._dependents_first[0]

    @property
    def _dependents_first(self) -> list[Component]:
        needed = {name for component in self.components for name in component.depends_on}
        return sorted(self.components, key=lambda component: component.name in needed)

    def public_endpoint(self, port: int | None = None) -> tuple[Component, int] | None:
        """Return the component that the route leads to, and its port; None if no component exposes one.

        With `port`, return a component that exposes this port. Components that no other depends on come first.
        """
        for component in self._dependents_first:
            for exposed in component.expose:
                if port in (None, exposed):
                    return component, exposed
        return None
