"""Git repositories: fetch one revision and read its files. Nothing of a repository is run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from domain.model.git_source import GitSource
from domain.model.steps import FailureCode

MOST_FILES = 50_000
MOST_BYTES = 512 * 2**20
"""What a repository may transfer, and what the files of its revision may have together."""
LARGEST_FILE = 128 * 2**20
FETCH_SECONDS = 300.0


class FetchFailed(Exception):  # noqa: N818
    """A repository cannot be fetched. The message is the panel's own: what servers say stays in the panel's log."""

    code: FailureCode = "repository_unavailable"


class RepositoryRefused(FetchFailed):
    """The server demands another login, has no such repository, or the panel does not ask this server."""

    code = "repository_refused"


class RepositoryTooLarge(FetchFailed):
    """The repository is larger than `MOST_BYTES`, or its revision has more than `MOST_FILES` files."""

    code = "repository_too_large"


class RevisionMissing(FetchFailed):
    """The repository has no such branch, tag or commit."""

    code = "revision_missing"


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch. `addresses` are those of the server that the panel may connect to; no other is used."""

    source: GitSource
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A file of a revision. `link`: it is a symbolic link, and its content is the target. `size` is in bytes."""

    path: str
    size: int
    executable: bool = False
    link: bool = False
    object_id: str = field(default="", repr=False)


def require_bounded(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return entries by path. Raise RepositoryTooLarge, without reading on, if there are too many or too large ones."""
    bounded: dict[str, Entry] = {}
    size = 0
    for entry in entries:
        bounded[entry.path], size = entry, size + entry.size
        if len(bounded) > MOST_FILES or size > MOST_BYTES or entry.size > LARGEST_FILE:
            raise RepositoryTooLarge(
                f"The repository has more than {MOST_FILES} files, more than {MOST_BYTES >> 20} MiB in them, or a file"
                f" of more than {LARGEST_FILE >> 20} MiB"
            )
    return bounded


class Tree(Protocol):
    """The files of a revision, while it is open."""

    @property
    def commit(self) -> str:
        """The ID of the commit."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The files by path, in the order of paths. Submodules are left out."""

    def contents(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield these files with their contents, in this order."""


class Git(Protocol):
    """Fetches revisions of repositories."""

    def open(self, request: FetchRequest, check: Callable[[], None]) -> AbstractContextManager[Tree]:
        """Fetch a revision, within `FETCH_SECONDS`, and remove it at the end of the block. Raise FetchFailed.

        Calls `check` at least twice a second while it waits; an exception from it ends the fetch.
        """
