"""What a compose text means once it is checked: a project of components, with nothing left to look up."""

from dataclasses import dataclass, field
from typing import Literal

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
Restart = Literal["no", "always", "on-failure", "unless-stopped"]


@dataclass(frozen=True)
class Probe:
    """A container's own healthcheck; times in seconds. `test` is argv after `CMD`, or one string after `CMD-SHELL`."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    disabled: bool = False


@dataclass(frozen=True)
class Mount:
    """A named volume of the project and where it appears."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class Component:
    """One compose service. `command` and `entrypoint` are argv; None leaves what the image says."""

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
        """Whether it mounts a volume that it may write to."""
        return any(not mount.read_only for mount in self.mounts)


@dataclass(frozen=True)
class Project:
    """A whole compose text: components in an order in which each follows what it depends on."""

    components: tuple[Component, ...]
    volumes: tuple[str, ...] = ()
    networks: dict[str, bool] = field(default_factory=lambda: {"default": False})

    def component(self, name: str) -> Component | None:
        """The compose service of this name."""
        return next((component for component in self.components if component.name == name), None)

    @property
    def face(self) -> Component:
        """The first component that no other one needs: what visitors want is hardly the database."""
        return self._by_need[0]

    @property
    def _by_need(self) -> list[Component]:
        needed = {name for component in self.components for name in component.depends_on}
        return sorted(self.components, key=lambda one: one.name in needed)

    def front(self, port: int | None = None) -> tuple[Component, int] | None:
        """The component that visitors reach, and its port: one that exposes `port`, or anything when None.

        One that no other needs comes first, as in `face`.
        """
        for component in self._by_need:
            for exposed in component.expose:
                if port in (None, exposed):
                    return component, exposed
        return None
