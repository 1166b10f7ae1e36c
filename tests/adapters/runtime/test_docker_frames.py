"""Parsing the engine's log stream, and engines that close the connection."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.adapters.docker import Runtime
from domain.adapters.docker.frames import FrameParser
from domain.errors import Unavailable
from domain.ports.output import OutputLine
from domain.ports.runtime import EngineRefused

START = datetime(2026, 3, 29, 10, tzinfo=UTC)
HEAD = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\n"


def _frame(text: bytes, second: int = 0, stream: int = 1) -> bytes:
    body = f"2026-03-29T10:00:{second:02}.123456789Z ".encode() + text
    return bytes([stream, 0, 0, 0]) + len(body).to_bytes(4, "big") + body


def _line(text: str, second: int = 0, stream: str = "stdout") -> OutputLine:
    return OutputLine(START + timedelta(seconds=second, microseconds=123456), stream, text)  # type: ignore[arg-type]


STREAM = b"".join(
    [
        _frame(b"one\n"),
        _frame(b"oops\n", 1, stream=2),
        _frame(b"\n", 2),
        _frame(b"begun, ", 3),
        _frame(b"between\n", 4, stream=2),
        _frame(b"continued, ", 5),
        _frame("ended: ü\n".encode(), 6),
        _frame(b"never ended", 7),
    ]
)
LINES = [
    _line("one"),
    _line("oops", 1, "stderr"),
    _line("", 2),
    _line("between", 4, "stderr"),
    _line("begun, continued, ended: ü", 3),
    _line("never ended", 7),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_lines_do_not_depend_on_how_the_stream_is_split(cuts: list[int]):
    parser, edges = FrameParser(), [0, *sorted(cuts), len(STREAM)]
    lines = [line for start, end in pairwise(edges) for line in parser.feed(STREAM[start:end])]
    assert lines + parser.finish() == LINES
    assert parser.entries == 8


def test_a_long_line_is_emitted_once_as_soon_as_it_is_too_long():
    parser, piece = FrameParser(), _frame(b"x" * 16_384)
    reported = [len(parser.feed(piece)) for _ in range(600)]
    assert sum(reported) == 1 == sum(reported[:4])
    assert parser.feed(_frame(b"end of it\n") + _frame(b"next\n", 1)) == [_line("next", 1)]
    parser.feed(piece * 4)
    assert parser.finish() == []


def test_messages_of_the_engine_itself_are_logged_not_returned(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert FrameParser().feed(_frame(b"Error grabbing logs: invalid character\n", stream=3) + _frame(b"one\n")) == [
            _line("one")
        ]
    assert "invalid character" in caplog.text


PREPARATION = {
    b"/version": b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"ApiVersion": "1.41"}',
    b"/info": b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}",
    b"/json": b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"Config": {"Tty": false}}',
}


@contextmanager
def _engine(folder: Path, *answers: bytes) -> Iterator[Runtime]:
    """Serve these responses to requests for output, one for each connection, and then close the listener.

    The requests that come before, for the engine's version and the container's settings, are answered too.
    """
    path, remaining = f"{folder}/engine.sock", list(answers)

    def serve() -> None:
        while remaining:
            with listener.accept()[0] as peer, suppress(OSError):
                request = peer.recv(4096)
                known = [answer for end, answer in PREPARATION.items() if end + b" " in request]
                if request:
                    peer.sendall(known[0] if known else remaining.pop(0))
        os.unlink(path)
        listener.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        runtime = Runtime(f"unix://{path}")
        yield runtime
        thread.join(5)
        runtime.close()


def test_following_raises_unavailable_after_the_last_line_if_the_engine_dies(tmp_path: Path):
    with _engine(tmp_path, HEAD + _frame(b"one\n") + _frame(b"two\n", 1)[:-2]) as runtime:
        batches = runtime.follow("web")
        assert next(lines for lines in batches if lines) == [_line("one")]
        with pytest.raises(Unavailable) as refusal:
            next(lines for lines in batches if lines)
    assert refusal.value.code == "engine_unavailable"


def test_reading_raises_unavailable_if_the_engine_dies(tmp_path: Path):
    with _engine(tmp_path, HEAD + _frame(b"one\n")) as runtime, pytest.raises(Unavailable):
        runtime.output("web")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 200"])
def test_an_engine_that_closes_the_connection_without_a_response_is_unavailable(tmp_path: Path, answer: bytes):
    with _engine(tmp_path, answer) as runtime, pytest.raises(Unavailable):
        runtime.output("web")


def test_an_error_response_is_refused_with_its_message(tmp_path: Path):
    printed = b'HTTP/1.0 500 Oh\r\n\r\n{"message":"configured logging driver does not support reading"}'
    with _engine(tmp_path, printed) as runtime, pytest.raises(EngineRefused, match="does not support reading"):
        runtime.output("web")


@pytest.mark.parametrize("status", [404, 409])
def test_a_container_that_is_removed_or_being_removed_has_no_output(tmp_path: Path, status: int):
    printed = f'HTTP/1.0 {status} No\r\n\r\n{{"message":"no"}}'.encode()
    with _engine(tmp_path, printed) as runtime:
        assert runtime.output("web") == []
