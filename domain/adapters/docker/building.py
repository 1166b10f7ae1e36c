"""Builds images with BuildKit. A build can be ended at any time: the engine ends it when its connection closes."""

import base64
import json
import queue
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from docker import APIClient
from docker.errors import NotFound

from domain.adapters.docker import pulling
from domain.adapters.docker.build_trace import BuildTrace
from domain.adapters.docker.connection import LONG_TIMEOUT, Connection
from domain.adapters.docker.context_archive import context_archive
from domain.ports.builder import Build, BuildFailed, BuildOutput
from domain.ports.runtime import Image

_BEAT = 0.4
_LONGEST_MESSAGE = 4 * 2**20  # bytes
_PREFIX = re.compile(r"^failed to solve(?: with frontend dockerfile\.v0)?: (?:failed to create LLB definition: )?")
_NETWORK_ERRORS = ("dial tcp", "failed to do request", "failed to resolve source metadata", "failed to fetch")


def build(connection: Connection, request: Build, output: BuildOutput) -> Image:
    """Build an image. Raise BuildFailed."""
    with connection.client() as client:
        network = _network(client)
    failure = _stream(connection, request, network, output)
    if failure is not None:
        raise BuildFailed(_explain(connection, failure))
    with connection.client() as client:
        image = str(client.inspect_image(request.tag)["Id"])  # type: ignore[no-untyped-call]
    found = pulling.find(connection, image)
    if found is None:
        raise BuildFailed("The engine does not keep the image that it has built")
    return found


def built_images(connection: Connection, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Return digest and labels of images."""
    wanted = [f"{name}={value}" for name, value in labels.items()]
    with connection.client(LONG_TIMEOUT) as client:
        return {str(found["Id"]): found["Labels"] or {} for found in client.images(filters={"label": wanted})}


def remove_image(connection: Connection, digest: str) -> None:
    """Remove an image with the layers that no other image has."""
    with connection.client(LONG_TIMEOUT) as client, suppress(NotFound):
        client.remove_image(digest)


def _network(client: APIClient) -> str:
    """Return the network of builds: the engine's bridge, or none if the engine runs without one."""
    return "default" if any(found["Name"] == "bridge" for found in client.networks(names=["bridge"])) else "none"


def _explain(connection: Connection, message: str) -> str:
    """Return the engine's message for tenants: without paths of the host, or answers of other servers."""
    text = _PREFIX.sub("", str(connection.refusal(message.encode())))
    if any(words in text for words in _NETWORK_ERRORS):
        return "An image that the Dockerfile names cannot be pulled by the engine"
    return text


def _stream(connection: Connection, request: Build, network: str, output: BuildOutput) -> str | None:
    """Run the build. Return the engine's error message if it fails, else None."""
    state = _BuildState()
    with connection.translate_errors():
        http = connection.connect()
    with _messages(http, request, network) as messages:
        while not state.ended:
            with connection.translate_errors():
                lines = state.take(messages, time.monotonic() + _BEAT)
            output(lines)
            if state.fault is not None:
                raise state.fault
    return state.failure


_Item = dict[str, Any] | Exception | None


@contextmanager
def _messages(http: HTTPConnection, request: Build, network: str) -> "Iterator[queue.Queue[_Item]]":
    """Send the context and read messages in a thread. Leaving the block ends the build."""
    items: queue.Queue[_Item] = queue.Queue(1000)
    connected, left = http.sock, threading.Event()
    reader = threading.Thread(target=_read, args=(http, request, network, items, left), name="build", daemon=True)
    reader.start()
    try:
        yield items
    finally:
        left.set()
        pulling.shut(connected)
        reader.join()
        http.close()


def _read(
    http: HTTPConnection, request: Build, network: str, items: "queue.Queue[_Item]", left: threading.Event
) -> None:
    try:
        for message in _converse(http, request, network):
            _put(items, message, left)
        _put(items, None, left)
    except Exception as fault:  # noqa: BLE001 - raised again by the thread that waits for the build
        _put(items, fault, left)


def _put(items: "queue.Queue[_Item]", item: _Item, left: threading.Event) -> None:
    """Put an item into a queue that may be full, unless nobody reads it any more."""
    while not left.is_set():
        try:
            items.put(item, timeout=_BEAT)
        except queue.Full:
            continue
        return


def _converse(http: HTTPConnection, request: Build, network: str) -> Iterator[dict[str, Any]]:
    """Send the context and yield the engine's messages."""
    with suppress(BrokenPipeError, ConnectionResetError):  # the engine answers before it has read all
        path, archive = f"/build?{_query(request, network)}", context_archive(request.context)
        http.request("POST", path, archive, _HEADERS, encode_chunked=True)
    with http.getresponse() as response:
        if response.status == 200:
            yield from _parse(response)
        else:
            yield {"error": response.read(_LONGEST_MESSAGE).decode(errors="replace") or response.reason}


_HEADERS = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}


def _query(request: Build, network: str) -> str:
    return urlencode(
        {
            "version": "2",
            "t": request.tag,
            "dockerfile": request.dockerfile,
            "buildargs": json.dumps(dict(request.arguments)),
            "labels": json.dumps(dict(request.labels)),
            "networkmode": network,
            "rm": "1",
            "forcerm": "1",
        }
    )


def _parse(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    while line := response.readline(_LONGEST_MESSAGE):
        if not line.endswith(b"\n") and len(line) >= _LONGEST_MESSAGE:
            raise OSError("the engine sends a message that is too long")
        if line.strip():
            yield json.loads(line)


@dataclass
class _BuildState:
    """State of a build, from the engine's messages. `fault` is what ended the sending of the context."""

    ended: bool = False
    failure: str | None = None
    fault: Exception | None = None
    _trace: BuildTrace = field(default_factory=BuildTrace)

    def take(self, items: "queue.Queue[_Item]", until: float) -> list[str]:
        """Process messages until a time of the monotonic clock, or until the end, and return the lines in them."""
        lines: list[str] = []
        while not self.ended and len(lines) < 1000:
            try:
                item = items.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            lines += self._process(item)
        return lines

    def _process(self, item: _Item) -> list[str]:
        if isinstance(item, OSError | HTTPException):
            raise OSError(f"the build was interrupted: {item}") from item
        if isinstance(item, Exception):
            self.ended, self.fault = True, item
        elif item is None:
            self.ended = True
            return self._trace.end()
        elif "error" in item:
            self.failure = str(item["error"])
        elif item.get("id") == "moby.buildkit.trace":
            return self._trace.read(base64.b64decode(item["aux"]))
        return []
