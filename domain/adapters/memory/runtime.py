"""The engine's twin in memory: it keeps what it is told, and answers at once."""

import hashlib
import ipaddress
import itertools
import re
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from domain import errors
from domain.adapters.images import HELLO, HELLO_SAYS, REFERENCE
from domain.adapters.memory.containers import LITTLE, Behaviour, Box, Stream
from domain.ports.runtime import (
    Container,
    ContainerSpec,
    Engine,
    EngineRefused,
    Image,
    ImageMissing,
    Layers,
    OutputLine,
    Pulling,
    Stats,
)
from domain.ports.transactions import in_transaction

__all__ = ["LITTLE", "Behaviour", "Runtime"]

# RFC 2544 keeps this range for benchmarks, so that no address of it ever leads to somebody.
ADDRESSES = ipaddress.ip_network("198.18.0.0/15")
BEAT = 0.1


class Runtime:
    """Answers as the Docker one does, at once. `images` says what images do; one not listed exists and behaves well.

    Tests set `away`, call `kill` for a container that dies behind our back, `say` for what one prints while it runs,
    and `release` for a pull that hangs.
    """

    def __init__(self, images: Mapping[str, Behaviour] | None = None) -> None:
        self.images = {HELLO: Behaviour(ports=(8080,), lines=(HELLO_SAYS,)), **(images or {})}
        self.away = False
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._released = threading.Event()
        self._local: dict[str, Behaviour] = {}
        self._boxes: dict[str, Box] = {}
        self._networks: dict[str, Mapping[str, str]] = {}
        self._volumes: dict[str, Mapping[str, str]] = {}
        self._addresses = itertools.count(2)

    # ── What tests do behind the panel's back ──────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """End a container as somebody with a shell on the host would."""
        with self._lock:
            self._end(self._boxes[name], 137)

    def say(self, name: str, *texts: str, stream: Stream = "stdout") -> None:
        """Print lines as the program in the container would."""
        with self._lock:
            self._boxes[name].prints(texts, stream)
            self._changed.notify_all()

    def release(self) -> None:
        """Let every pull that hangs go on, now and later."""
        self._released.set()

    # ── The port ───────────────────────────────────────────────────────────────────────────────

    def ping(self) -> Engine:
        """Raises Unavailable when it is away."""
        with self._called():
            return Engine("memory", "1")

    def pull(self, reference: str, tell: Pulling) -> Image:
        """A hanging pull tells until `release` is called or `tell` raises."""
        with self._called():
            known = self._local.get(reference) if "sha256:" in reference else None
        if known is None:
            known = self._fetched(reference, tell)
        digest = _digest(reference, known)
        with self._called():
            self._local |= {reference: known, digest: known}
        return Image(reference, digest, known.ports)

    def _fetched(self, reference: str, tell: Pulling) -> Behaviour:
        behaviour = self.images.get(reference, Behaviour())
        if not REFERENCE.fullmatch(reference):
            raise ImageMissing(f"{reference!r} is not the name of an image")
        if not behaviour.exists or reference.startswith("sha256:"):
            return self._kept(reference)
        tell(Layers(0, 2))
        while behaviour.hangs and not self._released.wait(0.05):
            self._answering()
            tell(Layers(1, 2))
        tell(Layers(2, 2))
        return behaviour

    def _kept(self, reference: str) -> Behaviour:
        if reference not in self._local:
            raise ImageMissing(f"No registry has {reference}, nor has the engine")
        return self._local[reference]

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None:
        """Nothing is connected to anything here, so `internal` changes nothing."""
        del internal
        with self._called():
            _same(self._networks.setdefault(name, dict(labels)), labels, name)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        with self._called():
            _same(self._volumes.setdefault(name, dict(labels)), labels, name)

    def create(self, spec: ContainerSpec) -> None:
        """The image must have been pulled, and the networks must exist."""
        with self._called():
            if spec.name in self._boxes:
                return _same(self._boxes[spec.name].spec.labels, spec.labels, spec.name)
            behaviour = self._local.get(spec.image)
            if behaviour is None:
                raise ImageMissing(f"The engine has no image {spec.image}")
            missing = [network for network in spec.networks if network not in self._networks]
            if behaviour.create_error or missing:
                raise EngineRefused(behaviour.create_error or f"network {missing[0]} not found")
            self._volumes |= {volume: {} for volume in spec.volumes if volume not in self._volumes}
            address = str(ADDRESSES[next(self._addresses)])
            now = Container(spec.name, "created", {**spec.component.labels, **spec.labels}, image=spec.image)
            self._boxes[spec.name] = Box(spec, behaviour, address, set(spec.networks), now)
            return None

    def start(self, name: str) -> None:
        """A container whose behaviour has an exit code has ended by the time this returns."""
        with self._called():
            box = self._boxes.get(name)
            if box is None:
                raise EngineRefused(f"No such container: {name}")
            lost = box.spec.networks.keys() - box.networks
            if box.behaviour.start_error or lost:
                raise EngineRefused(box.behaviour.start_error or f"network {min(lost)} not found")
            if box.now.state != "running":
                box.start()
                self._changed.notify_all()

    def stop(self, name: str, grace: float) -> None:
        """Every container here ends when asked."""
        del grace
        with self._called():
            if name in self._boxes and self._boxes[name].now.state == "running":
                self._end(self._boxes[name], 143)

    def remove(self, name: str) -> None:
        with self._called():
            if name in self._boxes:
                self._end(self._boxes.pop(name), 137)

    def remove_network(self, name: str) -> None:
        """Disconnects whoever is still in it."""
        with self._called():
            self._networks.pop(name, None)
            for box in self._boxes.values():
                box.networks.discard(name)

    def remove_volume(self, name: str) -> None:
        """Raises EngineRefused while a container has it."""
        with self._called():
            if any(name in box.spec.volumes for box in self._boxes.values()):
                raise EngineRefused(f"volume {name} is in use")
            self._volumes.pop(name, None)

    def inspect(self, name: str) -> Container | None:
        """A look, which moves a container on that is becoming healthy or restarts again and again."""
        with self._called():
            return self._boxes[name].looked_at() if name in self._boxes else None

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        with self._called():
            return [box.looked_at() for box in self._boxes.values() if labels.items() <= box.now.labels.items()]

    def networks(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._called():
            return {name: of for name, of in self._networks.items() if labels.items() <= of.items()}

    def volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._called():
            return {name: of for name, of in self._volumes.items() if labels.items() <= of.items()}

    def logs(self, name: str, tail: int) -> list[str]:
        """The texts alone."""
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
        """The behaviour's lines, once for each start, and whatever it was told to say."""
        with self._called():
            said = self._boxes[name].lines if name in self._boxes else []
            within = [one for one in said if (not since or one.at >= since) and (not until or one.at < until)]
        kept = [one for one in within if keep is None or keep(one)]
        return kept if tail is None else kept[max(0, len(kept) - tail) :]

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        """Ends as soon as the container does."""
        read, ended = 0, False
        with self._called():
            box = self._boxes.get(name)
        while box and not ended:
            with self._called():
                self._changed.wait_for(lambda: len(box.lines) > read or box.now.state != "running", BEAT)  # noqa: B023
                lines, ended = box.lines[read:], box.now.state != "running"
            read += len(lines)
            yield [line for line in lines if since is None or line.at >= since]

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        """What their behaviours say, at all times alike."""
        del over
        with self._called():
            boxes = {name: self._boxes[name] for name in names if name in self._boxes}
            return {name: box.stats() for name, box in boxes.items() if box.now.state == "running"}

    def accepts(self, container: Container, port: int) -> bool:
        """On the ports that its component or its image exposes, while it runs."""
        with self._called():
            box = self._boxes.get(container.name)
            if box is None or box.now.state != "running" or not box.behaviour.accepts:
                return False
            return port in (*box.spec.component.expose, *box.behaviour.ports)

    def answers(self, container: Container, port: int, path: str, timeout: float) -> bool:
        """At every path alike."""
        del path, timeout
        box = self._boxes.get(container.name)
        return self.accepts(container, port) and box is not None and box.behaviour.answers

    # ── Within ─────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _called(self) -> Iterator[None]:
        if in_transaction():
            raise AssertionError("The engine was called inside a block of the store: only the store may be")
        self._answering()
        with self._lock:
            yield

    def _answering(self) -> None:
        if self.away:
            raise errors.Unavailable("The engine in memory is away", code="engine_unavailable")

    def _end(self, box: Box, exit_code: int) -> None:
        box.end(exit_code)
        self._changed.notify_all()


def _digest(reference: str, behaviour: Behaviour) -> str:
    """Another behaviour under the same name is another image, as when a tag moves on in a registry."""
    if "sha256:" in reference:
        return reference
    hashed = f"sha256:{hashlib.sha256(f'{reference} {behaviour}'.encode()).hexdigest()}"
    return hashed if reference == HELLO else f"{re.sub(r':[^:/]+$', '', reference)}@{hashed}"


def _same(found: Mapping[str, str], asked: Mapping[str, str], name: str) -> None:
    if dict(found) != dict(asked):
        raise EngineRefused(f"{name} exists already, and is not ours: its labels differ")
