"""The output of containers with a terminal, which has no frames."""

from collections.abc import Iterator

import pytest

from domain.adapters.docker.output_text import MAX_BYTES, MAX_CHARACTERS
from domain.adapters.docker.terminal import TerminalParser
from domain.ports.output import OutputLine

TIME = "2026-01-02T03:04:05.123456789Z"


def _lines(*texts: str) -> bytes:
    return b"".join(f"{TIME} {text}\r\n".encode() for text in texts)


def _feed(data: bytes, size: int) -> Iterator[OutputLine]:
    parser = TerminalParser()
    for start in range(0, len(data), size):
        yield from parser.feed(data[start : start + size])
    yield from parser.finish()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_arrive_in_any_pieces(size: int):
    """A text that looks like the header of a frame is text."""
    texts = ["hello", "", "\x01\x00\x00\x00\x00\x00\x00\x05", "bye"]
    lines = list(_feed(_lines(*texts), size))
    assert [(line.stream, line.text) for line in lines] == [("stdout", text) for text in ("hello", "", "", "bye")]
    assert lines[0].at.isoformat() == "2026-01-02T03:04:05.123456+00:00"


def test_a_line_without_an_end_is_returned_at_the_end():
    assert [line.text for line in _feed(f"{TIME} password: ".encode(), 10)] == ["password: "]


def test_a_line_without_end_uses_no_memory():
    parser = TerminalParser()
    lines = [line for _ in range(50) for line in parser.feed(b"x" * MAX_BYTES if _ else f"{TIME} ".encode())]
    lines += parser.feed(b"\r\n" + _lines("next"))
    assert [len(line.text) for line in lines] == [MAX_CHARACTERS, 4]


def test_what_is_no_line_of_the_engine_is_skipped(caplog: pytest.LogCaptureFixture):
    assert next(_feed(b"error from daemon in stream\r\n" + _lines("next"), 100)).text == "next"
    assert "cannot read a container's output" in caplog.text
