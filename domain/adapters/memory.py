"""The engine's twin in memory: containers that exist only as words, and behave as their image says."""

import hashlib
import ipaddress
import itertools
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from domain import errors
from domain.adapters.images import HELLO, REFERENCE
from domain.model import Usage
from domain.ports import Container, ContainerSpec, Engine, EngineRefused, Image, ImageMissing, Layers, Pulling
from domain.transactions import in_transaction

State = Literal["starting", "healthy", "unhealthy"]
# RFC 2544 keeps this range for benchmarks, so that no address of it ever leads to somebody.
ADDRESSES = ipaddress.ip_network("198.18.0.0/15")
LITTLE = Usage(cpu=0.01, memory_mb=8.0)


@dataclass(frozen=True)
class Behaviour:
    """What an image is, and what its containers do.

    `healthy_after` counts looks at the container (`inspect` or `containers`) before its healthcheck passes; None
    means that it fails. It is read only when the component has a probe, or the image has one (`probed`).
    """

    ports: tuple[int, ...] = ()
    exists: bool = True
    hangs: bool = False
    probed: bool = False
    healthy_after: int | None = 0
    exit_code: int | None = None
    lines: tuple[str, ...] = ()
    accepts: bool = True
    answers: bool = True
    create_error: str | None = None
    start_error: str | None = None
    usage: Usage = LITTLE


@dataclass
class _Box:
    spec: ContainerSpec
    behaviour: Behaviour
    address: str
    networks: set[str]
    now: Container
    looks: int = 0
    lines: list[str] = field(default_factory=list)


class Runtime:
    """Answers as the Docker one does, at once. `images` says what images do; one not listed exists and behaves well.

    Tests set `away`, call `kill` for a container that dies behind our back, and `release` for a pull that hangs.
    """

    def __init__(self, images: Mapping[str, Behaviour] | None = None) -> None:
        self.images = {HELLO: Behaviour(ports=(8080,)), **(images or {})}
        self.away = False
        self._lock = threading.RLock()
        self._released = threading.Event()
        self._local: dict[str, Behaviour] = {}
        self._boxes: dict[str, _Box] = {}
        self._networks: dict[str, Mapping[str, str]] = {}
        self._volumes: dict[str, Mapping[str, str]] = {}
        self._addresses = itertools.count(2)

    # ── What tests do behind the panel's back ──────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """End a container as somebody with a shell on the host would."""
        with self._lock:
            self._end(self._boxes[name], 137)

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
            now = Container(spec.name, "created", {**spec.component.labels, **spec.labels})
            self._boxes[spec.name] = _Box(spec, behaviour, address, set(spec.networks), now)
            return None

    def start(self, name: str) -> None:
        """A container whose behaviour has an exit code has ended by the time this returns."""
        with self._called():
            box = self._boxes.get(name)
            if box is None:
                raise EngineRefused(f"No such container: {name}")
            if box.behaviour.start_error:
                raise EngineRefused(box.behaviour.start_error)
            if box.now.state == "running":
                return
            box.looks = 0
            box.lines += box.behaviour.lines
            health: State | None = "starting" if _probed(box) else None
            box.now = Container(name, "running", box.now.labels, health, address=box.address)
            if box.behaviour.exit_code is not None:
                self._end(box, box.behaviour.exit_code)

    def stop(self, name: str, grace: float) -> None:
        """Every container here ends when asked."""
        del grace
        with self._called():
            if name in self._boxes and self._boxes[name].now.state == "running":
                self._end(self._boxes[name], 143)

    def remove(self, name: str) -> None:
        with self._called():
            self._boxes.pop(name, None)

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
            return _looked(self._boxes[name]) if name in self._boxes else None

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        with self._called():
            return [_looked(box) for box in self._boxes.values() if labels.items() <= box.now.labels.items()]

    def networks(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._called():
            return {name: of for name, of in self._networks.items() if labels.items() <= of.items()}

    def volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._called():
            return {name: of for name, of in self._volumes.items() if labels.items() <= of.items()}

    def logs(self, name: str, tail: int) -> list[str]:
        """The behaviour's lines, once for each start."""
        with self._called():
            return self._boxes[name].lines[-tail:] if tail and name in self._boxes else []

    def usage(self, names: Sequence[str]) -> Usage:
        """The sum of what their behaviours say."""
        with self._called():
            boxes = [self._boxes[name] for name in names if name in self._boxes]
            used = [box.behaviour.usage for box in boxes if box.now.state == "running"]
            return Usage(sum(each.cpu for each in used), sum(each.memory_mb for each in used))

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

    def _end(self, box: _Box, exit_code: int) -> None:
        box.now = replace(box.now, state="exited", health=None, exit_code=exit_code, address=None)


def _looked(box: _Box) -> Container:
    box.looks += 1
    if box.now.health is not None:
        box.now = replace(box.now, health=_health(box))
    if box.now.state == "exited" and _restarting(box):
        box.lines += box.behaviour.lines
        box.now = replace(box.now, restarts=box.now.restarts + 1)
    return box.now


def _health(box: _Box) -> State:
    after = box.behaviour.healthy_after
    if after is None:
        return "starting" if box.looks == 1 else "unhealthy"
    return "healthy" if box.looks > after else "starting"


def _restarting(box: _Box) -> bool:
    """Whether Docker would start it again and again: it ended by itself, and its policy covers that."""
    ended, policy = box.behaviour.exit_code, box.spec.component.restart
    if ended is None or policy == "no":
        return False
    return ended != 0 or policy != "on-failure"


def _probed(box: _Box) -> bool:
    probe = box.spec.component.probe
    if probe is None or not (probe.test or probe.disabled):
        return box.behaviour.probed
    return not probe.disabled


def _digest(reference: str, behaviour: Behaviour) -> str:
    """Another behaviour under the same name is another image, as when a tag moves on in a registry."""
    if "sha256:" in reference:
        return reference
    hashed = f"sha256:{hashlib.sha256(f'{reference} {behaviour}'.encode()).hexdigest()}"
    return hashed if reference == HELLO else f"{re.sub(r':[^:/]+$', '', reference)}@{hashed}"


def _same(found: Mapping[str, str], asked: Mapping[str, str], name: str) -> None:
    if dict(found) != dict(asked):
        raise EngineRefused(f"{name} exists already, and is not ours: its labels differ")
