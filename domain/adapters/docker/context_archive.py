"""The context of a build as a tar archive, made while it is sent."""

import posixpath
import tarfile
from collections.abc import Iterable, Iterator

from domain.ports.builder import ContextFile

_TIME = 1_000_000_000  # the same for all files, so that caches depend on contents alone; programs refuse 1970 for zips
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 256 * 1024


def context_archive(files: Iterable[ContextFile]) -> Iterator[bytes]:
    """Yield the archive in pieces, with the folders that the paths name."""
    folders: set[str] = set()
    for file in files:
        for folder in _missing_folders(file.path, folders):
            yield _header(folder, tarfile.DIRTYPE, executable=True)
        if file.link:
            yield _header(file.path, tarfile.SYMTYPE, link=file.content.decode(errors="surrogateescape"))
            continue
        yield _header(file.path, tarfile.REGTYPE, size=len(file.content), executable=file.executable)
        yield from (file.content[at : at + _CHUNK] for at in range(0, len(file.content), _CHUNK))
        yield bytes(-len(file.content) % _BLOCK)
    yield bytes(2 * _BLOCK)


def _missing_folders(path: str, known: set[str]) -> list[str]:
    missing = []
    while (path := posixpath.dirname(path)) and path not in known:
        known.add(path)
        missing.append(path)
    return missing[::-1]


def _header(path: str, kind: bytes, *, size: int = 0, link: str = "", executable: bool = False) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.type, entry.size, entry.linkname, entry.mtime = kind, size, link, _TIME
    entry.mode = 0o755 if executable else 0o644
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
