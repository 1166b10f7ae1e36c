"""The deployment flow without HTTP: request operations, run them, and make any call to a port fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain import deployments, operations, services
from domain.adapters import memory
from domain.identity.access import Caller
from domain.model.deployment import Deployment, LogLine
from domain.model.grant import Grant
from domain.model.identifiers import new_id
from domain.model.operation import Operation
from domain.model.role import Role
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.router import Target
from domain.ports.runtime import Container
from domain.ports.store import Work
from domain.rollout.reconcile.garbage_collection import collect_garbage
from domain.tasks.registry import TASKS
from domain.work.lease import Lease
from domain.work.runner import run_operation

CALLER = Caller("key_1", "ann", Grant(Role.ADMIN), datetime(2026, 1, 1, tzinfo=UTC))
ENDED = frozenset({"succeeded", "failed", "cancelled", "rolled_back"})
LEASE = timedelta(seconds=10)


class Killed(BaseException):
    """The process is killed: nothing catches this."""


class Trap:
    """Counts calls; the n-th one raises, before its effect or after. `log` holds the names of the calls."""

    def __init__(self, at: int, spring: Callable[[], BaseException], *, after: bool = False) -> None:
        self.at = at
        self.after = after
        self.log: list[str] = []
        self._spring = spring

    @property
    def sprung(self) -> bool:
        return len(self.log) >= self.at

    def call(self, name: str, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.log.append(name)
        now = len(self.log) == self.at
        if now and not self.after:
            raise self._spring()
        answer = act(*arguments, **options)
        if now:
            raise self._spring()
        return answer


class Trapped:
    """A port whose calls go through a trap."""

    def __init__(self, port: object, trap: Trap) -> None:
        self._port, self._trap = port, trap

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *arguments, **options: self._trap.call(name, found, *arguments, **options)


class TrappedStore:
    """A store whose blocks go through a trap: it raises before a block begins, or when it has been committed."""

    def __init__(self, store: Any, trap: Trap) -> None:
        self._store, self._trap = store, trap
        self.instance = store.instance

    @contextmanager
    def _block(self, name: str, block: Any) -> Iterator[Work]:
        if not self._trap.after:
            self._trap.call(name, lambda: None)
        with block as work:
            yield work
        if self._trap.after:
            self._trap.call(name, lambda: None)

    def begin(self, *, dry_run: bool = False) -> Any:
        return self._block("begin", self._store.begin(dry_run=dry_run))

    def read(self) -> Any:
        return self._block("read", self._store.read())


@dataclass
class Flow:
    """Request operations, run them, and read the result."""

    ports: Ports
    owner: str = field(default_factory=lambda: new_id("wrk"))

    @property
    def runtime(self) -> memory.Runtime:
        assert isinstance(self.ports.runtime, memory.Runtime)
        return self.ports.runtime

    @property
    def router(self) -> memory.Router:
        assert isinstance(self.ports.router, memory.Router)
        return self.ports.router

    # ── Requests ───────────────────────────────────────────────────────────────────────────────

    def ask(self, image: str = "web:1", **body: Any) -> str:
        """Create a service whose first deployment is queued; return its id."""
        source = {"deploy_method": "compose"} if "compose" in body else {"deploy_method": "image", "image": image}
        port = {} if "compose" in body or "port" in body else {"port": 8080}
        body = {"name": new_id("web").replace("_", "-"), **source, **port, **body}
        return services.create_service(self.ports, CALLER, body).result.service.id

    def running(self, image: str = "web:1", **body: Any) -> str:
        """Create a service and run its first deployment, which succeeds; return its id."""
        service_id = self.ask(image, **body)
        self.work()
        assert self.service(service_id).status == "running", self.newest(service_id).failure
        return service_id

    def deploy(self, service_id: str, **body: Any) -> str:
        """Queue a deployment; return its id."""
        return deployments.deploy_service(self.ports, CALLER, service_id, body).result.deployment.id

    def redeploy(self, service_id: str, **body: Any) -> Deployment:
        """Queue a deployment and run it."""
        deployment_id = self.deploy(service_id, **body)
        self.work()
        return self.deployment(deployment_id)

    def start(self, service_id: str) -> str:
        return deployments.start_service(self.ports, CALLER, service_id).result.id

    def stop(self, service_id: str, **body: Any) -> str:
        return deployments.stop_service(self.ports, CALLER, service_id, body).result.id

    def restart(self, service_id: str) -> str:
        return deployments.restart_service(self.ports, CALLER, service_id).result.id

    def delete(self, service_id: str, volumes: str = "keep") -> str:
        return services.delete_service(self.ports, CALLER, service_id, volumes=volumes).result.id

    def cancel(self, operation_id: str) -> None:
        operations.cancel_operation(self.ports, CALLER, operation_id)

    # ── Running ────────────────────────────────────────────────────────────────────────────────

    def claim(self, owner: str = "", lease: timedelta = LEASE) -> Operation | None:
        now = self.ports.clock.now()
        with self.ports.store.begin() as work:
            return work.operations.claim(owner or self.owner, now, now + lease)

    def claimed(self, owner: str = "") -> Operation:
        operation = self.claim(owner)
        assert operation is not None
        return operation

    def work(self, ports: Ports | None = None, lease: Lease | None = None) -> None:
        """Run everything that is queued."""
        while operation := self.claim():
            self.run(operation, ports, lease)

    def run(self, operation: Operation, ports: Ports | None = None, lease: Lease | None = None) -> None:
        """Run one claimed operation."""
        run_operation(ports or self.ports, TASKS, operation, lease or Lease(self.owner))

    def die(self, trap: Trap, *, store: bool = False) -> None:
        """Run the next operation until the trap kills the worker, if it does."""
        operation = self.claimed(new_id("wrk"))
        ports = self.stored(trap) if store else self.trapped(trap)
        with suppress(Killed):
            self.run(operation, ports, Lease(str(operation.lease_owner)))

    def inherit(self) -> None:
        """Let the lease of the dead worker run out, and run everything with another worker."""
        self.ports.clock.sleep(LEASE.total_seconds())
        self.work()

    def trapped(self, trap: Trap) -> Ports:
        """Return the same ports with runtime, prober and router behind a trap."""
        runtime: Any = Trapped(self.ports.runtime, trap)
        prober: Any = Trapped(self.ports.prober, trap)
        router: Any = Trapped(self.ports.router, trap)
        return replace(self.ports, runtime=runtime, prober=prober, router=router)

    def stored(self, trap: Trap) -> Ports:
        """Return the same ports with the store behind a trap."""
        store: Any = TrappedStore(self.ports.store, trap)
        return replace(self.ports, store=store)

    def during(self, method: str, act: Callable[[], object], *, times: int = 1) -> Ports:
        """Return the same ports; `act` is called before this method of a port is."""
        left = [times]

        def call(name: str, inner: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            if name == method and left[0]:
                left[0] -= 1
                act()
            return inner(*arguments, **options)

        trap = Trap(0, Killed)
        trap.call = call  # type: ignore[method-assign]
        return self.trapped(trap)

    # ── Results ────────────────────────────────────────────────────────────────────────────────

    def service(self, service_id: str) -> Service:
        with self.ports.store.read() as work:
            found = work.services.get(service_id)
        assert found is not None
        return found

    def exists(self, service_id: str) -> bool:
        with self.ports.store.read() as work:
            return work.services.get(service_id) is not None

    def deployment(self, deployment_id: str) -> Deployment:
        with self.ports.store.read() as work:
            found = work.deployments.get(deployment_id)
        assert found is not None
        return found

    def newest(self, service_id: str) -> Deployment:
        return deployments.list_deployments(self.ports, CALLER, service_id=service_id).items[0]

    def operation(self, operation_id: str) -> Operation:
        return operations.get_operation(self.ports, CALLER, operation_id)

    def last(self, service_id: str) -> Operation:
        return operations.list_operations(self.ports, CALLER, resource_id=service_id).items[0]

    def lines(self, deployment_id: str) -> list[LogLine]:
        return list(deployments.get_deployment_logs(self.ports, CALLER, deployment_id, limit=1000).lines)

    def log(self, deployment_id: str) -> str:
        return "\n".join(line.text for line in self.lines(deployment_id))

    def containers(self, service_id: str) -> list[Container]:
        return self.runtime.containers({"panel.service": service_id})

    def container(self, service_id: str, role: str = "app") -> Container:
        """Return the container of a component, without the stopped one that is kept after a deployment."""
        containers = [container for container in self.containers(service_id) if container.labels["panel.role"] == role]
        if len(containers) > 1:
            live = self.service(service_id).live_deployment_id
            containers = [container for container in containers if container.labels["panel.deployment"] == live]
        assert len(containers) == 1, containers
        return containers[0]

    def held(self, service_id: str) -> set[str]:
        """Return the deployments of which the engine holds anything, without the one that is kept, stopped."""
        labels = {"panel.service": service_id}
        containers = [container.labels for container in self.runtime.containers(labels)]
        found = [*containers, *self.runtime.networks(labels).values()]
        watch = self.service(service_id).watch if self.exists(service_id) else None
        running = {one.labels["panel.deployment"] for one in self.containers(service_id) if one.state == "running"}
        kept = {watch.previous_id} - running if watch else set()
        return {each["panel.deployment"] for each in found} - kept

    def serves(self, service_id: str, deployment_id: str) -> bool:
        """Return whether requests reach running containers of this deployment, and nothing else."""
        running = [container for container in self.containers(service_id) if container.state == "running"]
        deployed = [container for container in running if container.labels["panel.deployment"] == deployment_id]
        own = {container.address.host for container in deployed if container.address}
        reached = {target.host for target in self.router.targets(service_id)}
        return bool(reached) and reached <= own

    def targets(self, service_id: str) -> tuple[Target, ...]:
        return self.router.targets(service_id)

    def sweep(self) -> list[str]:
        return collect_garbage(self.ports)


def fresh(ports: Ports) -> Flow:
    """Return a flow on the same store with a new, empty engine and router."""
    images = {"web:1": memory.Behaviour(ports=(8080,)), "web:2": memory.Behaviour(ports=(8080,))}
    runtime = memory.Runtime(images)
    return Flow(replace(ports, runtime=runtime, prober=memory.Prober(runtime), router=memory.Router()))
