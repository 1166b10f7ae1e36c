"""Reads the files of a fetched revision with `git ls-tree` and `git cat-file`."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from domain.adapters.git.process import Deadline, start
from domain.ports.git import Entry, FetchFailed, RevisionMissing, require_bounded

_CHUNK = 64 * 1024
_LONGEST_LINE = 64 * 1024
_LINK, _EXECUTABLE = b"120000", b"100755"


@dataclass(frozen=True)
class GitTree:
    """The files of a commit. Contents are read from a process that lives as long as the tree is open."""

    commit: str
    entries: Mapping[str, Entry]
    _reader: subprocess.Popen[bytes]

    def contents(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield files with their contents, in this order."""
        requests, responses = cast(IO[bytes], self._reader.stdin), cast(IO[bytes], self._reader.stdout)
        for entry in entries:
            requests.write(f"{entry.object_id}\n".encode())
            requests.flush()
            header = responses.readline(_LONGEST_LINE).split()
            if len(header) != 3 or int(header[2]) != entry.size:
                raise FetchFailed(f"The repository is damaged: {entry.path} cannot be read")
            content = responses.read(entry.size + 1)  # a line break follows, also if the reader stops here
            yield entry, content[:-1]


@contextmanager
def open_tree(repository: Path, reference: str, deadline: Deadline) -> Iterator[GitTree]:
    """Open the tree of the commit that a reference leads to. Raise RevisionMissing if it leads to none."""
    commit = b"".join(
        _lines(repository, ["rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}"], b"\n", deadline)
    )
    if not commit:
        raise RevisionMissing("The revision is not a commit")
    listing = _lines(repository, ["ls-tree", "-r", "-z", "--long", "--full-tree", commit.decode()], b"\0", deadline)
    entries = require_bounded(entry for line in listing if (entry := _entry(line)))
    with start(repository, ["cat-file", "--batch"], subprocess.DEVNULL) as reader:
        yield GitTree(commit.decode(), entries, reader)


def _entry(line: bytes) -> Entry | None:
    """Return the entry of `MODE TYPE ID SIZE<TAB>PATH`; None for a submodule."""
    description, _, path = line.partition(b"\t")
    mode, kind, object_id, size = description.split()
    if kind != b"blob":
        return None
    name = path.decode(errors="surrogateescape")
    return Entry(name, int(size), mode == _EXECUTABLE, mode == _LINK, object_id.decode())


def _lines(repository: Path, arguments: list[str], separator: bytes, deadline: Deadline) -> Iterator[bytes]:
    """Yield what git prints. Raise FetchFailed if it fails; the reader may stop at any time."""
    with start(repository, arguments, subprocess.DEVNULL) as process:
        yield from _split(cast(BufferedReader, process.stdout), separator, deadline)
        if process.wait() and arguments[0] != "rev-parse":
            raise FetchFailed("The repository is damaged: its files cannot be listed")


def _split(output: BufferedReader, separator: bytes, deadline: Deadline) -> Iterator[bytes]:
    rest = b""
    while data := output.read1(_CHUNK):
        deadline.require()
        *lines, rest = (rest + data).split(separator)
        if len(rest) > _LONGEST_LINE:
            raise FetchFailed("The repository has a path that is too long")
        yield from lines
