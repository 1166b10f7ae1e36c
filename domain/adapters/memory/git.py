"""Git repositories in memory."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from domain.model.git_source import GitSource
from domain.ports.git import Entry, FetchFailed, FetchRequest, RepositoryRefused, RevisionMissing, require_bounded

PROGRAMS = (b"#!", b"\x7fELF")
"""What files begin with that are executable."""
DEFAULT_FILES = {"Dockerfile": b"FROM scratch\nEXPOSE 8080\n"}


@dataclass(frozen=True)
class Link:
    """A symbolic link among the files of a commit."""

    target: str


Files = Mapping[str, bytes | Link]


@dataclass
class FakeRepository:
    """Commits by ID, and the commits that branches (`refs/heads/main`), tags and `HEAD` lead to."""

    commits: dict[str, Files] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Files, branch: str = "main", tag: str | None = None) -> str:
        """Add a commit with these files to a branch and return its ID."""
        commit = hashlib.sha1(f"{len(self.commits)} {files}".encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = files
        self.references |= {"HEAD": commit, f"refs/heads/{branch}": commit}
        self.references |= {f"refs/tags/{tag}": commit} if tag else {}
        return commit

    def find(self, source: GitSource) -> str:
        """Return the commit of a source. Raise RevisionMissing."""
        name = f"refs/heads/{source.branch}" if source.branch else f"refs/tags/{source.tag}" if source.tag else "HEAD"
        commit = source.commit or self.references.get(name, "")
        if commit not in self.commits:
            raise RevisionMissing(f"The repository has no {source.revision}, or is empty")
        return commit


@dataclass(frozen=True)
class FakeTree:
    """The files of a commit."""

    commit: str
    files: Files
    entries: Mapping[str, Entry]

    def contents(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield files with their contents."""
        for entry in entries:
            yield entry, _content(self.files[entry.path])


class Git:
    """Knows the repositories in `repositories`, by URL. Every other one has `DEFAULT_FILES` in all of its revisions.

    `failures` are raised for repositories of a host. `requests` are those that were made.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, FakeRepository | None] = {}
        self.failures: dict[str, FetchFailed] = {}
        self.requests: list[FetchRequest] = []

    @contextmanager
    def open(self, request: FetchRequest, check: Callable[[], None]) -> Iterator[FakeTree]:
        """Return the files of the revision at once."""
        check()
        self.requests.append(request)
        host = urlsplit(request.source.repository).hostname or ""
        if host in self.failures:
            raise self.failures[host]
        commit, files = self._find(request.source)
        entries = [_entry(path, files[path]) for path in sorted(files, key=str.encode)]
        yield FakeTree(commit, files, require_bounded(entries))

    def _find(self, source: GitSource) -> tuple[str, Files]:
        repository = self.repositories.get(source.repository, _default(source))
        if repository is None:
            host = urlsplit(source.repository).hostname
            raise RepositoryRefused(f"The server {host} has no such repository, or shows it only with a login")
        commit = repository.find(source)
        return commit, repository.commits[commit]


def _default(source: GitSource) -> FakeRepository:
    repository = FakeRepository()
    commit = repository.commit(DEFAULT_FILES, source.branch or "main", source.tag)
    if source.commit:
        repository.commits[source.commit] = repository.commits[commit]
    return repository


def _content(file: bytes | Link) -> bytes:
    return file.target.encode() if isinstance(file, Link) else file


def _entry(path: str, file: bytes | Link) -> Entry:
    content = _content(file)
    return Entry(path, len(content), executable=content.startswith(PROGRAMS), link=isinstance(file, Link))
