"""An in-memory container engine: it implements the port completely, and every call returns at once."""

import ipaddress
import itertools
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from domain import errors
from domain.adapters.images import HELLO, HELLO_OUTPUT, REFERENCE
from domain.adapters.memory.builds import Builds
from domain.adapters.memory.commands import Commands
from domain.adapters.memory.containers import (
    Behaviour,
    FakeContainer,
    Stream,
    check_labels,
    image_of,
    require_free_ports,
    with_labels,
)
from domain.adapters.memory.logins import Logins
from domain.adapters.memory.volumes import Volumes
from domain.model.project import Restart
from domain.ports.container_spec import ContainerSpec
from domain.ports.output import OutputLine
from domain.ports.runtime import (
    Address,
    Container,
    Engine,
    EngineRefused,
    Image,
    ImageMissing,
    Layers,
    PullProgress,
    RegistryCredentials,
    RegistryRefused,
    Stats,
)
from domain.ports.transactions import in_transaction

# RFC 2544 reserves this range for benchmarks, so that none of its addresses belongs to a real host.
ADDRESSES = ipaddress.ip_network("198.18.0.0/15")
BEAT = 0.1


class Runtime(Commands, Builds, Volumes):
    """An engine without containers of the operating system.

    `images` gives images their behaviour; an image that is not listed exists and has the default behaviour. `files`
    are those in volumes, by volume and path. Tests set `away` to make the engine unreachable, read and change `fakes`
    (container name → fake) and `logins`, and call `kill`, `print_lines` and `release`.
    """

    def __init__(self, images: Mapping[str, Behaviour] | None = None) -> None:
        self.logins = Logins()
        self.images = {HELLO: Behaviour(ports=(8080,), lines=(HELLO_OUTPUT,)), **(images or {})}
        self.away = False
        self.fakes: dict[str, FakeContainer] = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._released = threading.Event()
        self._local, self._built_labels = {}, {}
        self._networks: dict[str, Mapping[str, str]] = {}
        self._volumes = {}
        self.files = {}
        self._addresses = itertools.count(2)

    # ── What tests change without going through the port ───────────────────────────────────────

    def kill(self, name: str) -> None:
        """End a container as `kill -9` on the host would."""
        with self._lock:
            self._end(self.fakes[name], 137)

    def crash(self, name: str, exit_code: int = 1) -> None:
        """End a container as its own program would; the engine restarts it as its policy says."""
        with self._lock:
            self._end(self.fakes[name], exit_code, by_itself=True)

    def print_lines(self, name: str, *texts: str, stream: Stream = "stdout") -> None:
        """Print lines as the program in the container would."""
        with self._lock:
            self.fakes[name].print_lines(texts, stream)
            self._changed.notify_all()

    def release(self) -> None:
        """Let all pulls that hang continue, and all later ones."""
        self._released.set()

    def container_at(self, host: str) -> FakeContainer | None:
        """Return the running container with this address."""
        with self._lock:
            hosts = {fake.state.address.host: fake for fake in self.fakes.values() if fake.state.address}
            return hosts.get(host)

    # ── The port ───────────────────────────────────────────────────────────────────────────────

    def ping(self) -> Engine:
        with self._call():
            return Engine("memory", "1")

    def pull(
        self,
        reference: str,
        progress: PullProgress,
        credentials: RegistryCredentials | None = None,
        platform: str | None = None,
    ) -> Image:
        """Pull an image of any platform. A pull that hangs ends when `release` is called or `progress` raises."""
        del platform
        with self._call():
            known = self._local.get(reference) if "@sha256:" in reference else None
        behaviour = known or self._fetch(reference, progress, credentials)
        image = image_of(reference, behaviour)
        with self._call():
            self._local |= {reference: behaviour, image.digest: behaviour}
        return image

    def _fetch(self, reference: str, progress: PullProgress, credentials: RegistryCredentials | None) -> Behaviour:
        behaviour = self.images.get(reference, Behaviour())
        if not REFERENCE.fullmatch(reference):
            raise ImageMissing(f"{reference!r} is not a valid image reference")
        if behaviour.pull_error is not None:
            raise behaviour.pull_error
        if not behaviour.exists or reference.startswith("sha256:"):
            raise ImageMissing(f"No registry has the image {reference}")
        if behaviour.requires not in (None, credentials):
            raise RegistryRefused(f"The registry denies access to {reference}")
        progress(Layers(0, 2))
        while behaviour.hangs and not self._released.wait(0.05):
            self._check_reachable()
            progress(Layers(1, 2))
        progress(Layers(2, 2))
        return behaviour

    def log_in(self, host: str, credentials: RegistryCredentials) -> None:
        with self._call():
            self.logins.check(host, credentials)

    def find_image(self, reference: str) -> Image | None:
        """Return an image that was pulled before, by its reference or digest."""
        with self._call():
            behaviour = self._local.get(reference)
        return image_of(reference, behaviour) if behaviour else None

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None:
        """Create a network; `internal` has no effect, because fakes have no connections."""
        del internal
        with self._call():
            check_labels(self._networks.setdefault(name, dict(labels)), labels, name)

    def create(self, spec: ContainerSpec) -> None:
        """Create a container whose image has been pulled and whose networks exist."""
        with self._call():
            if spec.name in self.fakes:
                return check_labels(self.fakes[spec.name].spec.labels, spec.labels, spec.name)
            behaviour = self._local.get(spec.image)
            if behaviour is None:
                raise ImageMissing(f"The engine has no image {spec.image}")
            missing = [network for network in spec.networks if network not in self._networks]
            if behaviour.create_error or missing:
                raise EngineRefused(behaviour.create_error or f"network {missing[0]} not found")
            address = Address(str(ADDRESSES[next(self._addresses)]))
            state = Container(spec.name, "created", {**spec.component.labels, **spec.labels}, image=spec.image)
            fake = FakeContainer(spec, behaviour, address, set(spec.networks), state)
            self._volumes |= {volume.name: {} for volume in fake.volumes if volume.name not in self._volumes}
            self.fakes[spec.name] = fake
            return None

    def start(self, name: str) -> None:
        """Start a container; one whose behaviour has an exit code has ended when this returns."""
        with self._call():
            fake = self.fakes.get(name)
            if fake is None:
                raise EngineRefused(f"No such container: {name}")
            missing = fake.spec.networks.keys() - fake.networks
            if fake.behaviour.start_error or missing:
                raise EngineRefused(fake.behaviour.start_error or f"network {min(missing)} not found")
            if not fake.is_running:
                require_free_ports(fake, self.fakes.values())
                fake.start()
                self._changed.notify_all()

    def set_restart(self, name: str, policy: Restart) -> None:
        with self._call():
            if fake := self.fakes.get(name):
                fake.spec = replace(fake.spec, component=replace(fake.spec.component, restart=policy))

    def stop(self, name: str, grace: float) -> None:
        """Stop a container; fakes never need to be killed after `grace`."""
        del grace
        with self._call():
            fake = self.fakes.get(name)
            if fake and (fake.is_running or fake.state.restarting):
                self._end(fake, 143)

    def remove(self, name: str) -> None:
        with self._call():
            if name in self.fakes:
                self._end(self.fakes.pop(name), 137)

    def remove_network(self, name: str) -> None:
        with self._call():
            self._networks.pop(name, None)
            for fake in self.fakes.values():
                fake.networks.discard(name)

    def inspect(self, name: str) -> Container | None:
        """Return the state, and advance a pending health check and a restart loop by one step."""
        with self._call():
            return self.fakes[name].inspect_volumes() if name in self.fakes else None

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        with self._call():
            return [fake.inspect() for fake in self.fakes.values() if labels.items() <= fake.state.labels.items()]

    def networks(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._call():
            return with_labels(self._networks, labels)

    def logs(self, name: str, tail: int) -> list[str]:
        return [line.text for line in self.output(name, tail=tail)]

    def output(
        self,
        name: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        keep: Callable[[OutputLine], bool] | None = None,
    ) -> list[OutputLine]:
        """Return the lines of the behaviour, once for each start, and those of `print_lines`."""
        with self._call():
            lines = self.fakes[name].lines if name in self.fakes else []
            lines = [line for line in lines if (not since or line.at >= since) and (not until or line.at < until)]
        selected = [line for line in lines if keep is None or keep(line)]
        return selected if tail is None else selected[max(0, len(selected) - tail) :]

    def may_lack_output(self, name: str, since: datetime) -> bool:
        with self._call():
            return name in self.fakes and self.fakes[name].lacks_output(since)

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        """Yield output until the container ends."""
        read, ended = 0, False
        with self._call():
            fake = self.fakes.get(name)
        while fake and not ended:
            with self._call():
                self._changed.wait_for(lambda: len(fake.lines) > read or not fake.is_running, BEAT)  # noqa: B023
                lines, ended = fake.lines[read:], not fake.is_running
            read += len(lines)
            yield [line for line in lines if since is None or line.at >= since]

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        """Return the stats of the behaviours; `over` has no effect, because they do not change."""
        del over
        with self._call():
            fakes = {name: self.fakes[name] for name in names if name in self.fakes}
            return {name: fake.stats() for name, fake in fakes.items() if fake.is_running}

    @contextmanager
    def _call(self) -> Iterator[None]:
        if in_transaction():
            raise AssertionError("The engine was called inside a transaction: only the store may be called there")
        self._check_reachable()
        with self._lock:
            yield

    def _check_reachable(self) -> None:
        if self.away:
            raise errors.Unavailable("The in-memory engine is away", code="engine_unavailable")

    def _end(self, fake: FakeContainer, exit_code: int, *, by_itself: bool = False) -> None:
        fake.end(exit_code, by_itself=by_itself)
        self._changed.notify_all()
