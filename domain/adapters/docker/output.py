"""Reads the output of containers from the engine, once or continuously."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from socket import socket
from urllib.parse import quote, urlencode

from docker.errors import NotFound

from domain.adapters.docker.connection import SHORT_TIMEOUT, Connection
from domain.adapters.docker.frames import FrameParser
from domain.adapters.docker.terminal import TerminalParser
from domain.ports.output import OutputLine

BEAT = 0.2  # seconds without output after which an empty batch is yielded
CHUNK = 256 * 1024
GONE = (404, 409)  # 409: the container is being removed
MAX_TERMINALS = 10_000
FULL_FILES = 2 * 10 * 1024 * 1024  # bytes: of three files of 10 MB, the engine fills two before it deletes one
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Parser = FrameParser | TerminalParser
Keep = Callable[[OutputLine], bool]


def read_last(connection: Connection, name: str, tail: int, since: datetime | None) -> list[OutputLine]:
    """Return the last `tail` lines.

    The engine counts each piece of a long line as a line. If it returns too few lines because of that, all output is
    read.
    """
    parser = parser_of(connection, name)
    lines = list(read_lines(connection, parser, name, tail=tail + 1, since=since))
    if len(lines) > tail or parser.entries <= tail:
        return lines[-tail:]
    return read_selected(connection, name, tail, since, None, None)


def read_selected(
    connection: Connection,
    name: str,
    tail: int | None,
    since: datetime | None,
    until: datetime | None,
    keep: Keep | None,
) -> list[OutputLine]:
    """Return the last `tail` of the lines that `keep` selects.

    All output is read, because the engine applies its `tail` before `until`; no more than the result is kept in memory.
    """
    lines = read_lines(connection, parser_of(connection, name), name, since=since, until=until)
    return list(deque((line for line in lines if _is_selected(line, until, keep)), tail))


def _is_selected(line: OutputLine, until: datetime | None, keep: Keep | None) -> bool:
    return (until is None or line.at < until) and (keep is None or keep(line))


def read_lines(
    connection: Connection,
    parser: Parser,
    name: str,
    *,
    tail: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Generator[OutputLine, None, None]:
    """Yield the lines that the engine has. Closing the generator closes its connection."""
    path = log_path(name, tail=tail, since=since, until=until)
    with closing(response_body(connection, path, _chunks)) as body:
        for data in body:
            yield from parser.feed(data)
    yield from parser.finish()


def may_lack_lines(connection: Connection, name: str, since: datetime) -> bool:
    """Return whether the engine may have deleted lines after a time.

    It may have if its oldest line is newer, and what it has is enough for the files that it fills before it deletes
    one. A byte of output takes up to six bytes in a file (`\\u001b`), so less than is in the files is counted.
    """
    parser, size = parser_of(connection, name), 0
    with closing(response_body(connection, log_path(name), _chunks)) as body:
        for data in body:
            size += len(data)
            if any(line.at <= since for line in parser.feed(data)[:1]):
                return False
            if size >= FULL_FILES / 6:
                return True
    return False


def parser_of(connection: Connection, name: str) -> Parser:
    """Return the parser for a container's output. Nothing in the output of old engines tells which one it needs."""
    if name not in connection.terminals:
        with connection.client() as client:
            try:
                terminal = bool(client.inspect_container(name)["Config"]["Tty"])
            except NotFound:
                return FrameParser()
        if len(connection.terminals) >= MAX_TERMINALS:
            connection.terminals.clear()
        connection.terminals[name] = terminal
    return TerminalParser() if connection.terminals[name] else FrameParser()


def log_path(name: str, **parameters: datetime | int | None) -> str:
    given = {
        key: _seconds(value) if isinstance(value, datetime) else value
        for key, value in parameters.items()
        if value is not None
    }
    query = urlencode({"stdout": 1, "stderr": 1, "timestamps": 1, **given})
    return f"/containers/{quote(name, safe='')}/logs?{query}"


def _seconds(at: datetime) -> str:
    """Format seconds since the epoch; a float would lose microseconds. Times before the epoch become the epoch."""
    whole, rest = divmod(max(at, EPOCH) - EPOCH, timedelta(seconds=1))
    return f"{whole}.{rest.microseconds:06}000"


def response_body(
    connection: Connection, path: str, read: Callable[[socket], Iterator[bytes]]
) -> Generator[bytes, None, None]:
    """Yield the body of a response; nothing if the container is gone.

    The request is HTTP/1.0, so that the engine sends its frames without chunked encoding, which would cost more to
    parse than the frames. The end of such a response does not tell whether the engine still runs, so a ping follows.
    """
    with connection.translate_errors():
        with closing(connection.connect()) as http:
            http.sock.settimeout(SHORT_TIMEOUT)
            http.sock.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            status, body_start = read_head(http.sock)
            if status != 200:
                _check_status(connection, status, body_start + b"".join(_chunks(http.sock)))
                return
            if body_start:
                yield body_start
            yield from read(http.sock)
        _ping(connection)


def _ping(connection: Connection) -> None:
    """Ask the engine for any response. The library's own ping leaves its socket open when the engine is away."""
    with closing(connection.connect()) as http:
        http.sock.settimeout(SHORT_TIMEOUT)
        http.request("GET", "/_ping")
        http.getresponse().read()


def read_head(connected: socket) -> tuple[int, bytes]:
    """Return the status, and the part of the body that arrived with the head."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connected.recv(CHUNK)
        if not data:
            raise HTTPException("the engine closed the connection without a response")
        received += data
    head, _, body_start = received.partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), body_start


def _check_status(connection: Connection, status: int, body: bytes) -> None:
    if status not in GONE:
        raise connection.refusal(f"The engine returned status {status}: ".encode() + body)


def _chunks(connected: socket) -> Iterator[bytes]:
    return iter(lambda: connected.recv(CHUNK), b"")


def chunks_with_beat(connected: socket) -> Iterator[bytes]:
    """Yield data as it arrives, and empty bytes every BEAT seconds without data."""
    connected.settimeout(BEAT)
    data = None
    while data != b"":
        try:
            data = connected.recv(CHUNK)
        except TimeoutError:
            data = None
        yield data or b""
