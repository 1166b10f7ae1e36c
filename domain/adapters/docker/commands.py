"""Runs commands in containers.

The engine's API cannot kill a command. At the time limit, a helper container in the same PID namespace kills all
processes that carry the command's mark in their environment, which children inherit. It works at remote engines too,
and needs no program in the service's image.
"""

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

from docker import APIClient
from docker.errors import NotFound

from domain.adapters.docker import pulling
from domain.adapters.docker.connection import LONG_TIMEOUT, Connection
from domain.adapters.docker.frames import HEADER
from domain.adapters.docker.output import read_head
from domain.adapters.docker.output_text import safe_block, safe_text
from domain.adapters.images import HELLO
from domain.model.masking import CUT
from domain.ports.commands import Command, CommandResult
from domain.ports.runtime import EngineRefused, PullFailed

_MARK = "PANEL_COMMAND"
_CHUNK = 64 * 1024
_BEAT = 0.2  # seconds between two looks at a command that prints nothing
_PAUSE = 0.01  # seconds after each chunk that is dropped: a command that prints on and on waits, as for a slow terminal
_KILL_SECONDS = 30
_END_SECONDS = 5  # seconds until the engine reports the end of a killed command
_LABEL = "panel.command-helper"
_OLD = 600  # seconds
_KILL = """
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for file in /proc/[0-9]*/environ; do
        if /bin/busybox tr '\\000' '\\n' <"$file" 2>/dev/null | /bin/busybox grep -qFx "$1"; then
            process=${file#/proc/}
            kill -9 "${process%/environ}" 2>/dev/null
            left=1
        fi
    done
    [ "$left" ] || exit 0
    /bin/busybox sleep 0.1
done
exit 1
"""


def run(connection: Connection, name: str, command: Command) -> CommandResult:
    """Run a command, and kill it at its time limit or if its output cannot be read. Raise EngineRefused."""
    _build_helper_image(connection)  # before the start: without it the command could not be killed
    mark = secrets.token_hex(16)
    deadline = time.monotonic() + command.seconds
    with connection.client() as client:
        started = client.exec_create(name, list(command.argv), environment={_MARK: mark})["Id"]
    output = _Output(command.max_output)
    exit_code = None
    try:
        _read(connection, started, output, deadline)
        exit_code = _wait(connection, started, deadline)
    finally:
        if exit_code is None:
            _kill(connection, name, mark)
    if exit_code is None and _wait(connection, started, time.monotonic() + _END_SECONDS) is None:
        raise EngineRefused("The command may still run: the engine does not let it be killed")
    return output.result(exit_code)


@dataclass
class _Output:
    """The first `limit` bytes of stdout and stderr."""

    limit: int
    _cut: set[int] = field(default_factory=set)
    _kept: dict[int, bytearray] = field(default_factory=lambda: {1: bytearray(), 2: bytearray()})
    _stream: int = 1
    _left: int = 0
    _head: bytes = b""

    def feed(self, data: bytes) -> bool:
        """Take a chunk of the engine's stream. Return whether some of it was dropped."""
        dropped = False
        while data:
            if not self._left:
                data = self._feed_head(data)
                continue
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            dropped |= self._keep(piece)
        return dropped

    def result(self, exit_code: int | None) -> CommandResult:
        return CommandResult(exit_code, self._text(1), self._text(2), bool(self._cut))

    def _feed_head(self, data: bytes) -> bytes:
        needed = HEADER.size - len(self._head)
        self._head += data[:needed]
        if len(self._head) == HEADER.size:
            self._stream, self._left = HEADER.unpack(self._head)
            self._head = b""
        return data[needed:]

    def _keep(self, piece: bytes) -> bool:
        stream = self._stream if self._stream in self._kept else 2
        kept = self._kept[stream]
        room = self.limit - len(kept)
        kept += piece[:room]
        if len(piece) > room:
            self._cut.add(stream)
        return len(piece) > room

    def _text(self, stream: int) -> str:
        return safe_block(bytes(self._kept[stream])) + (CUT if stream in self._cut else "")


def _read(connection: Connection, started: str, output: _Output, deadline: float) -> None:
    """Read until the command has closed its output or has ended, or until the deadline."""
    with connection.translate_errors(), closing(connection.connect()) as opened:
        for data in _chunks(opened, started):
            if output.feed(data):
                time.sleep(_PAUSE)
            if time.monotonic() >= deadline:
                return
            if not data and _exit_code(connection, started) is not None:
                return  # a process that it left behind has its output open


def _chunks(opened: http.client.HTTPConnection, started: str) -> Iterator[bytes]:
    """Start the command and yield its output; yield empty bytes every `_BEAT` seconds without output."""
    body = json.dumps({"Detach": False, "Tty": False})
    opened.sock.settimeout(LONG_TIMEOUT)
    opened.sock.sendall(
        f"POST /exec/{started}/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    status, data = read_head(opened.sock)
    if status not in (101, 200):
        raise EngineRefused(f"The engine does not start the command: {safe_text(data)}")
    yield data
    opened.sock.settimeout(_BEAT)
    while True:
        try:
            data = opened.sock.recv(_CHUNK)
        except TimeoutError:
            yield b""
            continue
        if not data:
            return
        yield data


def _wait(connection: Connection, started: str, deadline: float) -> int | None:
    """Return the exit code of a command that may have closed its output before its end; None at the deadline."""
    while (exit_code := _exit_code(connection, started)) is None and time.monotonic() < deadline:
        time.sleep(_BEAT / 4)
    return exit_code


def _exit_code(connection: Connection, started: str) -> int | None:
    """Return the exit code; None before the start, which comes after the engine's response, and before the end."""
    with connection.client() as client:
        found = client.exec_inspect(started)
    return None if found["Running"] or found["ExitCode"] is None else int(found["ExitCode"])


def _build_helper_image(connection: Connection) -> None:
    try:
        pulling.pull(connection, pulling.PullRequest(HELLO, None, None), lambda _: None)
    except PullFailed as failed:
        raise EngineRefused(f"The command is not started, because nothing could end it: {failed}") from failed


def _kill(connection: Connection, name: str, mark: str) -> None:
    """Kill all processes of a command. Raise EngineRefused if some are left."""
    with connection.client(LONG_TIMEOUT) as client:
        helper = _create_helper(client, name, f"{_MARK}={mark}")
        if helper is None:
            return
        try:
            client.start(helper)
            code = client.wait(helper, timeout=_KILL_SECONDS)["StatusCode"]
        finally:
            with suppress(NotFound):
                client.remove_container(helper, force=True)
    if code:
        raise EngineRefused("The command may still run: it starts processes faster than they are killed")


def _create_helper(client: APIClient, name: str, mark: str) -> str | None:
    """Create the helper; None if the container has ended, and its processes with it."""
    _remove_old_helpers(client)
    try:
        found = client.inspect_container(name)
    except NotFound:
        return None
    if not found["State"]["Running"]:
        return None
    host = client.create_host_config(
        pid_mode=f"container:{found['Id']}",
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        cap_add=["DAC_OVERRIDE", "KILL", "SYS_PTRACE"],
        security_opt=["no-new-privileges"],
        mem_limit="64m",
        pids_limit=32,
    )
    argv = ["/bin/busybox", "sh", "-c", _KILL, "sh", mark]
    made = client.create_container(HELLO, entrypoint=argv, user="0:0", labels=[_LABEL], host_config=host)
    return str(made["Id"])


def _remove_old_helpers(client: APIClient) -> None:
    """Remove helpers that a killed panel has left behind."""
    for helper in client.containers(all=True, filters={"label": _LABEL}):
        if helper["Created"] < time.time() - _OLD:
            with suppress(NotFound):
                client.remove_container(helper["Id"], force=True)
