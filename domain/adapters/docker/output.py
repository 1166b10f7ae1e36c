"""What containers print, asked of the engine: what there is, and what comes."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from socket import socket
from urllib.parse import quote, urlencode

from domain.adapters.docker.connection import QUICK, Connection
from domain.adapters.docker.frames import Frames
from domain.adapters.docker.wording import shown
from domain.ports.runtime import EngineRefused, OutputLine, ReadPosition

BEAT = 0.2  # seconds of silence that are worth saying
AT_ONCE = 256 * 1024
GONE = (404, 409)  # the second says that it is being removed
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Keep = Callable[[OutputLine], bool]


def last(connection: Connection, name: str, tail: int, since: datetime | None) -> list[OutputLine]:
    """The engine counts pieces of long lines as lines: when that makes too few of them, everything is read."""
    frames = Frames()
    lines = list(_read(connection, frames, name, tail=tail + 1, since=since))
    if len(lines) > tail or frames.entries <= tail:
        return lines[-tail:]
    return chosen(connection, name, tail, since, None, None)


def chosen(
    connection: Connection,
    name: str,
    tail: int | None,
    since: datetime | None,
    until: datetime | None,
    keep: Keep | None,
) -> list[OutputLine]:
    """The engine counts before it looks at `until`, so all of it is read, and no more kept than is asked for."""
    lines = _read(connection, Frames(), name, since=since, until=until)
    return list(deque((one for one in lines if _wanted(one, until, keep)), tail))


def _wanted(line: OutputLine, until: datetime | None, keep: Keep | None) -> bool:
    return (until is None or line.at < until) and (keep is None or keep(line))


def _read(
    connection: Connection,
    frames: Frames,
    name: str,
    *,
    tail: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[OutputLine]:
    path = _path(name, tail=tail, since=since, until=until)
    with closing(_body(connection, path, _all)) as body:
        for data in body:
            yield from frames.lines(data)
    yield from frames.last()


def follow(connection: Connection, name: str, since: datetime | None) -> Generator[list[OutputLine], None, None]:
    """The connection is this generator's own, and cut when it is closed.

    Engine 20.10 may end it before the last lines of a container that ended: so there is a second look.
    """
    frames, read = Frames(), ReadPosition(since)
    with closing(_body(connection, _path(name, since=since, follow=1), _coming)) as body:
        for data in body:
            lines = frames.lines(data)
            read = read.advance(lines)
            yield lines
    yield from read.skip_read([list(_read(connection, Frames(), name, since=read.at))])


def _path(name: str, **asked: datetime | int | None) -> str:
    given = {key: _seconds(one) if isinstance(one, datetime) else one for key, one in asked.items() if one is not None}
    query = urlencode({"stdout": 1, "stderr": 1, "timestamps": 1, **given})
    return f"/containers/{quote(name, safe='')}/logs?{query}"


def _seconds(at: datetime) -> str:
    """Not as a float, which has no room for microseconds; nothing was printed before the epoch."""
    whole, rest = divmod(max(at, EPOCH) - EPOCH, timedelta(seconds=1))
    return f"{whole}.{rest.microseconds:06}000"


def _body(
    connection: Connection, path: str, pieces: Callable[[socket], Iterator[bytes]]
) -> Generator[bytes, None, None]:
    """Nothing when the container is gone.

    Asked as HTTP/1.0: the engine then sends its frames as they are, not each in a chunk of its own, which would cost
    more to take apart than the frames. In exchange its end says nothing of whether the engine lives: that is asked.
    """
    with connection.reachable():
        with closing(connection.wire()) as wire:
            wire.sock.settimeout(QUICK)
            wire.sock.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            status, begun = _head(wire.sock)
            if status != 200:
                _refuse(status, begun + b"".join(_all(wire.sock)))
                return
            if begun:
                yield begun
            yield from pieces(wire.sock)
        with connection.asked() as client:
            client.ping()


def _head(wire: socket) -> tuple[int, bytes]:
    """The status, and what has come of the body already."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = wire.recv(AT_ONCE)
        if not more:
            raise HTTPException("the engine hung up without an answer")
        got += more
    head, _, begun = got.partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), begun


def _refuse(status: int, body: bytes) -> None:
    if status not in GONE:
        raise EngineRefused(f"The engine answers with {status}: {shown(body)}")


def _all(wire: socket) -> Iterator[bytes]:
    return iter(lambda: wire.recv(AT_ONCE), b"")


def _coming(wire: socket) -> Iterator[bytes]:
    """As it comes, and nothing now and then while nothing does."""
    wire.settimeout(BEAT)
    data = None
    while data != b"":
        try:
            data = wire.recv(AT_ONCE)
        except TimeoutError:
            data = None
        yield data or b""
