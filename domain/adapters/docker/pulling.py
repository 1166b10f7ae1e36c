"""Pulls images with progress. A pull can be aborted at any time."""

import base64
import json
import logging
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from docker import APIClient
from docker.errors import NotFound
from docker.utils import parse_repository_tag

from domain.adapters.docker.connection import LONG_TIMEOUT, Connection
from domain.adapters.docker.hello_image import hello_archive
from domain.adapters.docker.output_text import safe_text
from domain.adapters.docker.pull_failures import pull_failure
from domain.adapters.images import HELLO, REFERENCE
from domain.ports.runtime import Image, ImageMissing, Layers, PullProgress, RegistryCredentials

BEAT = 0.4
_LONGEST_MESSAGE = 64 * 1024  # bytes
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PullRequest:
    """What to pull, with which login, and for which platform (`linux/arm64`) if the image has several."""

    reference: str
    credentials: RegistryCredentials | None = None
    platform: str | None = None


def pull(connection: Connection, request: PullRequest, progress: PullProgress) -> Image:
    """Pull an image, or build the hello image if the engine does not have it."""
    reference = request.reference
    if not REFERENCE.fullmatch(reference):
        raise ImageMissing(f"{reference!r} is not a valid image reference")
    if reference.startswith("sha256:"):
        raise ImageMissing(f"No registry knows the image {reference}. Deploy with a tag or a digest of a registry")
    if reference != HELLO:
        _fetch(connection, request, progress)
    elif find(connection, reference) is None:
        _load(connection, hello_archive())
    progress(None)
    image = find(connection, reference)
    if image is None:
        raise ImageMissing(f"The engine does not keep the image {reference} after it has pulled it")
    return image


def find(connection: Connection, reference: str) -> Image | None:
    """Return an image that the engine has."""
    if not REFERENCE.fullmatch(reference):
        return None
    with connection.client() as client:
        found = _find_image(client, reference)
    if found is None:
        return None
    config = found.get("Config") or {}
    entrypoint = tuple(config.get("Entrypoint") or config.get("Cmd") or ())
    return Image(reference, _digest(reference, found), _ports(found), _volumes(found), entrypoint)


def _load(connection: Connection, archive: bytes) -> None:
    with connection.client(LONG_TIMEOUT) as client:
        for message in client.load_image(archive):  # type: ignore[no-untyped-call]
            if "error" in message:
                raise connection.refusal(str(message["error"]).encode())


def _fetch(connection: Connection, request: PullRequest, progress: PullProgress) -> None:
    message = _stream(connection, request, progress)
    if message is not None:
        log.warning("pulling %s failed: %s", request.reference, message)
        raise pull_failure(request.reference, message)


def _stream(connection: Connection, request: PullRequest, progress: PullProgress) -> str | None:
    """Run the pull. Return the engine's error message if it fails, else None."""
    state = _PullState()
    with connection.translate_errors():
        http = connection.connect()
    with _messages(http, request) as messages:
        while not state.ended:
            with connection.translate_errors():
                state.take(messages, time.monotonic() + BEAT)
            progress(state.layers())
    return None if state.refusal is None else safe_text(state.refusal.encode())


@contextmanager
def _messages(http: HTTPConnection, request: PullRequest) -> Iterator["queue.SimpleQueue[_Item]"]:
    """Read the engine's messages in a thread, as it may be silent for minutes. Leaving the block aborts the pull."""
    items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    connected = http.sock
    reader = threading.Thread(target=_read, args=(http, request, items), name="pull", daemon=True)
    reader.start()
    try:
        yield items
    finally:
        shut(connected)
        reader.join()
        http.close()


def shut(connected: socket.socket) -> None:
    """End all that is read from a connection and written to it."""
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the engine has closed the connection already


_Item = dict[str, Any] | Exception | None


def _read(http: HTTPConnection, request: PullRequest, items: "queue.SimpleQueue[_Item]") -> None:
    repository, tag = parse_repository_tag(request.reference)
    query = urlencode({"fromImage": repository, "tag": tag or "latest", "platform": request.platform or ""})
    try:
        http.request("POST", f"/images/create?{query}", headers=_auth_headers(request.credentials))
        with http.getresponse() as response:
            if response.status != 200:
                items.put({"error": response.read(_LONGEST_MESSAGE).decode(errors="replace") or response.reason})
            else:
                for line in iter(lambda: _read_line(response), b""):
                    items.put(_parse_message(line))
        items.put(None)
    except (OSError, HTTPException, ValueError) as error:
        items.put(error)


def _read_line(response: HTTPResponse) -> bytes:
    """Return the next line, cut at `_LONGEST_MESSAGE` bytes: an error can quote all that a registry has sent."""
    line = rest = response.readline(_LONGEST_MESSAGE)
    while rest and not rest.endswith(b"\n"):
        rest = response.readline(_LONGEST_MESSAGE)
    return line


def _parse_message(line: bytes) -> dict[str, Any]:
    if len(line) >= _LONGEST_MESSAGE:
        return {"error": line.decode(errors="replace")}
    message: dict[str, Any] = json.loads(line)
    return message


def _auth_headers(credentials: RegistryCredentials | None) -> dict[str, str]:
    """Return the header of the engine's API for a login (https://docs.docker.com/reference/api/engine/#authentication)."""
    if credentials is None:
        return {}
    if credentials.token:
        login = {"registrytoken": credentials.token}
    else:
        login = {"username": credentials.username, "password": credentials.password}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}


@dataclass
class _PullState:
    """State of a pull, from the engine's messages."""

    ended: bool = False
    refusal: str | None = None
    _known: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _bytes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, items: "queue.SimpleQueue[_Item]", until: float) -> None:
        """Process messages until a time of the monotonic clock, or until the end."""
        while not self.ended:
            try:
                item = items.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return
            self._process(item)

    def _process(self, item: _Item) -> None:
        if isinstance(item, Exception):
            raise OSError(f"the pull was interrupted: {item}") from item
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
        done, known = sum(counted[0] for counted in counts), sum(counted[1] for counted in counts)
        return Layers(len(self._done), len(self._known), done, known)


def _find_image(client: APIClient, reference: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.inspect_image(reference)  # type: ignore[no-untyped-call]
    except NotFound:
        return None
    return found


def _digest(reference: str, found: dict[str, Any]) -> str:
    """Return the digest in the reference's own registry, else the engine's id."""
    if reference.startswith("sha256:") or reference == HELLO:
        return str(found["Id"])
    repository = _short_name(parse_repository_tag(reference)[0])
    for digest in found.get("RepoDigests") or ():
        if _short_name(digest.split("@")[0]) == repository:
            return str(digest)
    return str(found["Id"])


def _short_name(repository: str) -> str:
    """Return the short name of a repository: `docker.io/library/nginx:1` and `nginx` are the same."""
    for prefix in ("index.docker.io/", "docker.io/", "library/"):
        repository = repository.removeprefix(prefix)
    name, _, tag = repository.rpartition(":")
    return name if name and "/" not in tag else repository


def _ports(found: dict[str, Any]) -> tuple[int, ...]:
    exposed = (found.get("Config") or {}).get("ExposedPorts") or {}
    return tuple(sorted(int(port.split("/")[0]) for port in exposed if port.endswith("/tcp")))


def _volumes(found: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted((found.get("Config") or {}).get("Volumes") or {}))
