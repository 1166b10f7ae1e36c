"""Bringing images: the engine's stream of a pull as counts of layers, and a pull that can be cut at any moment."""

import json
import logging
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

from docker import APIClient
from docker.errors import NotFound
from docker.utils import parse_repository_tag

from domain.adapters.docker.connection import PATIENT, Connection
from domain.adapters.docker.hello import hello
from domain.adapters.images import HELLO, REFERENCE
from domain.ports.runtime import EngineRefused, Image, ImageMissing, Layers, Pulling

BEAT = 0.4
log = logging.getLogger(__name__)


def pull(connection: Connection, reference: str, tell: Pulling) -> Image:
    """A digest that the engine holds is not asked for again, so that going back needs no registry."""
    if not REFERENCE.fullmatch(reference):
        raise ImageMissing(f"{reference!r} is not the name of an image")
    with connection.asked() as client:
        held = _held(client, reference)
    if held is None and reference == HELLO:
        _load(connection, hello())
    elif held is None or not (_pinned(reference) or reference == HELLO):
        _fetch(connection, reference, tell, held)
    tell(None)
    with connection.asked() as client:
        found = _held(client, reference)
    if found is None:
        raise ImageMissing(f"The engine has no image {reference}")
    return Image(reference, _digest(reference, found), _ports(found))


def _load(connection: Connection, archive: bytes) -> None:
    with connection.asked(PATIENT) as client:
        for said in client.load_image(archive):  # type: ignore[no-untyped-call]
            if "error" in said:
                raise EngineRefused(said["error"])


def _fetch(connection: Connection, reference: str, tell: Pulling, held: dict[str, Any] | None) -> None:
    if reference.startswith("sha256:"):
        raise ImageMissing(f"The engine no longer has the image {reference}, which came from no registry")
    refusal = _streamed(connection, reference, tell)
    if refusal is None:
        return
    if "no space left" in refusal:
        raise EngineRefused(refusal)
    if held is None:
        raise ImageMissing(refusal)
    log.warning("no registry gave %s, so the engine's own copy is used: %s", reference, refusal)


def _streamed(connection: Connection, reference: str, tell: Pulling) -> str | None:
    """Run the pull; answer the engine's words when it came to nothing."""
    progress = _Progress()
    with connection.reachable():
        wire = connection.wire()
    with _lines(wire, reference) as lines:
        while not progress.ended:
            with connection.reachable():
                progress.take(lines, time.monotonic() + BEAT)
            tell(progress.layers())
    return progress.refusal


@contextmanager
def _lines(wire: HTTPConnection, reference: str) -> Iterator["queue.SimpleQueue[_Item]"]:
    """What the engine says, read aside: it may be silent for minutes. Leaving the block cuts the pull off."""
    items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    cut = wire.sock
    reader = threading.Thread(target=_read, args=(wire, reference, items), name="pull", daemon=True)
    reader.start()
    try:
        yield items
    finally:
        _shut(cut)
        reader.join()
        wire.close()


def _shut(cut: socket.socket) -> None:
    try:
        cut.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the engine has hung up already


_Item = dict[str, Any] | Exception | None


def _read(wire: HTTPConnection, reference: str, items: "queue.SimpleQueue[_Item]") -> None:
    repository, tag = parse_repository_tag(reference)
    asked = urlencode({"fromImage": repository, "tag": tag or "latest"})
    try:
        wire.request("POST", f"/images/create?{asked}")
        with wire.getresponse() as response:
            if response.status != 200:
                items.put({"error": json.loads(response.read()).get("message", response.reason)})
            for line in response:
                items.put(json.loads(line))
        items.put(None)
    except (OSError, HTTPException, ValueError) as broken:
        items.put(broken)


@dataclass
class _Progress:
    ended: bool = False
    refusal: str | None = None
    _known: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _bytes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, items: "queue.SimpleQueue[_Item]", until: float) -> None:
        """Take in what comes until this moment, or until the end."""
        while not self.ended:
            try:
                item = items.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return
            self._heed(item)

    def _heed(self, item: _Item) -> None:
        if isinstance(item, Exception):
            raise OSError(f"the pull was cut off: {item}") from item
        if item is None:
            self.ended = True
        elif "error" in item:
            self.refusal = str(item["error"])
        else:
            self._layer(item.get("id", ""), item.get("status", ""), item.get("progressDetail") or {})

    def _layer(self, layer: str, status: str, detail: dict[str, int]) -> None:
        if not layer or status.startswith("Pulling from"):
            return
        self._known.add(layer)
        if status in ("Pull complete", "Already exists"):
            self._done.add(layer)
        if status == "Downloading" and detail.get("total", 0) > 0:
            self._bytes[layer] = (detail["current"], detail["total"])
        elif status != "Downloading" and layer in self._bytes:
            self._bytes[layer] = (self._bytes[layer][1],) * 2

    def layers(self) -> Layers | None:
        if not self._known:
            return None
        counts = self._bytes.values()
        done, known = sum(each[0] for each in counts), sum(each[1] for each in counts)
        return Layers(len(self._done), len(self._known), done, known)


def _held(client: APIClient, reference: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.inspect_image(reference)  # type: ignore[no-untyped-call]
    except NotFound:
        return None
    return found


def _pinned(reference: str) -> bool:
    return reference.startswith("sha256:") or "@" in reference


def _digest(reference: str, found: dict[str, Any]) -> str:
    """The digest under which its own registry has it, else the engine's id."""
    if reference.startswith("sha256:") or reference == HELLO:
        return str(found["Id"])
    repository = _familiar(parse_repository_tag(reference)[0])
    for digest in found.get("RepoDigests") or ():
        if _familiar(digest.split("@")[0]) == repository:
            return str(digest)
    return str(found["Id"])


def _familiar(repository: str) -> str:
    """`docker.io/library/nginx:1` and `nginx` are one repository."""
    for prefix in ("index.docker.io/", "docker.io/", "library/"):
        repository = repository.removeprefix(prefix)
    name, _, tag = repository.rpartition(":")
    return name if name and "/" not in tag else repository


def _ports(found: dict[str, Any]) -> tuple[int, ...]:
    exposed = (found.get("Config") or {}).get("ExposedPorts") or {}
    return tuple(sorted(int(port.split("/")[0]) for port in exposed if port.endswith("/tcp")))
