"""A prober that asks the in-memory runtime."""

from domain.adapters.memory.containers import FakeContainer
from domain.adapters.memory.runtime import Runtime
from domain.ports.router import Target
from domain.ports.transactions import in_transaction


class Prober:
    """Finds the container of a target by its address. As with real containers, the engine need not be reachable."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def probe_tcp(self, target: Target | None, timeout: float) -> bool:
        """Succeed for the ports that the component or the image exposes, unless the behaviour accepts none."""
        del timeout
        return self._accepting(target) is not None

    def probe_http(self, target: Target | None, path: str, timeout: float) -> bool:
        """Succeed at every path, if the behaviour answers."""
        del path, timeout
        container = self._accepting(target)
        return container is not None and container.behaviour.answers_http

    def _accepting(self, target: Target | None) -> FakeContainer | None:
        if in_transaction():
            raise AssertionError("A probe ran inside a transaction: only the store may be called there")
        container = self._runtime.container_at(target.host) if target else None
        return container if container and target and container.probe_tcp(target.port) else None
