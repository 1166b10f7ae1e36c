"""Ports that can be called only while a lease lasts: a worker that lost its lease must not touch the engine.

Their methods are those of the protocols `Runtime`, `Prober` and `Router`, which say what each does.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from datetime import datetime

from domain.model.project import Restart
from domain.ports.builder import Build, BuildOutput
from domain.ports.commands import Command, CommandResult
from domain.ports.container_spec import ContainerSpec
from domain.ports.output import OutputLine
from domain.ports.prober import Prober
from domain.ports.router import Router, Target
from domain.ports.runtime import Container, Engine, Image, PullProgress, RegistryCredentials, Runtime, Stats
from domain.work.lease import Lease


class LeasedRuntime:
    """A runtime whose calls raise LeaseLost once the lease is lost."""

    def __init__(self, runtime: Runtime, lease: Lease) -> None:
        self._runtime = runtime
        self._lease = lease

    def ping(self) -> Engine:
        self._lease.check()
        return self._runtime.ping()

    def pull(
        self,
        reference: str,
        progress: PullProgress,
        credentials: RegistryCredentials | None = None,
        platform: str | None = None,
    ) -> Image:
        self._lease.check()
        return self._runtime.pull(reference, progress, credentials, platform)

    def log_in(self, host: str, credentials: RegistryCredentials) -> None:
        self._lease.check()
        self._runtime.log_in(host, credentials)

    def find_image(self, reference: str) -> Image | None:
        self._lease.check()
        return self._runtime.find_image(reference)

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None:
        self._lease.check()
        self._runtime.create_network(name, labels, internal=internal)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self._lease.check()
        self._runtime.create_volume(name, labels)

    def create(self, spec: ContainerSpec) -> None:
        self._lease.check()
        self._runtime.create(spec)

    def write_files(self, spec: ContainerSpec) -> None:
        self._lease.check()
        self._runtime.write_files(spec)

    def start(self, name: str) -> None:
        self._lease.check()
        self._runtime.start(name)

    def stop(self, name: str, grace: float) -> None:
        self._lease.check()
        self._runtime.stop(name, grace)

    def set_restart(self, name: str, policy: Restart) -> None:
        self._lease.check()
        self._runtime.set_restart(name, policy)

    def remove(self, name: str) -> None:
        self._lease.check()
        self._runtime.remove(name)

    def remove_network(self, name: str) -> None:
        self._lease.check()
        self._runtime.remove_network(name)

    def remove_volume(self, name: str) -> None:
        self._lease.check()
        self._runtime.remove_volume(name)

    def inspect(self, name: str) -> Container | None:
        self._lease.check()
        return self._runtime.inspect(name)

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        self._lease.check()
        return self._runtime.containers(labels)

    def networks(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        self._lease.check()
        return self._runtime.networks(labels)

    def volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        self._lease.check()
        return self._runtime.volumes(labels)

    def volume_sizes(self) -> dict[str, int]:
        self._lease.check()
        return self._runtime.volume_sizes()

    def logs(self, name: str, tail: int) -> list[str]:
        self._lease.check()
        return self._runtime.logs(name, tail)

    def output(
        self,
        name: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        keep: Callable[[OutputLine], bool] | None = None,
    ) -> list[OutputLine]:
        self._lease.check()
        return self._runtime.output(name, tail=tail, since=since, until=until, keep=keep)

    def may_lack_output(self, name: str, since: datetime) -> bool:
        self._lease.check()
        return self._runtime.may_lack_output(name, since)

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        self._lease.check()
        return self._runtime.follow(name, since)

    def run_command(self, name: str, command: Command) -> CommandResult:
        self._lease.check()
        return self._runtime.run_command(name, command)

    def build(self, build: Build, output: BuildOutput) -> Image:
        self._lease.check()
        return self._runtime.build(build, output)

    def built_images(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        self._lease.check()
        return self._runtime.built_images(labels)

    def remove_image(self, digest: str) -> None:
        self._lease.check()
        self._runtime.remove_image(digest)

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        self._lease.check()
        return self._runtime.stats(names, over=over)


class LeasedProber:
    """A prober whose calls raise LeaseLost once the lease is lost."""

    def __init__(self, prober: Prober, lease: Lease) -> None:
        self._prober = prober
        self._lease = lease

    def probe_tcp(self, target: Target | None, timeout: float) -> bool:
        self._lease.check()
        return self._prober.probe_tcp(target, timeout)

    def probe_http(self, target: Target | None, path: str, timeout: float) -> bool:
        self._lease.check()
        return self._prober.probe_http(target, path, timeout)


class LeasedRouter:
    """A router whose calls raise LeaseLost once the lease is lost."""

    def __init__(self, router: Router, lease: Lease) -> None:
        self._router = router
        self._lease = lease

    def start(self) -> None:
        self._lease.check()
        self._router.start()

    def stop(self) -> None:
        self._lease.check()
        self._router.stop()

    def problems(self) -> list[str]:
        self._lease.check()
        return self._router.problems()

    def switch(self, service_id: str, name: str, targets: Sequence[Target]) -> str:
        self._lease.check()
        return self._router.switch(service_id, name, targets)

    def drain(self, service_id: str, seconds: float) -> None:
        self._lease.check()
        self._router.drain(service_id, seconds)

    def close(self, service_id: str) -> None:
        self._lease.check()
        self._router.close(service_id)

    def targets(self, service_id: str) -> tuple[Target, ...]:
        self._lease.check()
        return self._router.targets(service_id)

    def listener(self, service_id: str) -> Target | None:
        self._lease.check()
        return self._router.listener(service_id)

    def find_free_port(self, protocol: str, used: Collection[int]) -> int:
        self._lease.check()
        return self._router.find_free_port(protocol, used)

    def routes(self) -> set[str]:
        self._lease.check()
        return self._router.routes()
