"""Git repositories for tests: in memory, or real ones behind `git http-backend` on a loopback port."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from domain.adapters import git, memory
from domain.adapters.memory import FakeRepository, Link
from domain.adapters.memory.git import PROGRAMS
from domain.ports.git import Git

Files = dict[str, bytes | Link]
IDENTITY = {f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Repository(Protocol):
    """A repository that a test fills."""

    url: str

    def commit(self, files: Files, branch: str = "main", tag: str | None = None) -> str:
        """Add a commit with exactly these files to a branch, which becomes the default, and return its ID."""


@dataclass
class GitSetup:
    """The port, and a repository that it can fetch from `address`."""

    port: Git
    repository: Repository
    address: str = "127.0.0.1"


@dataclass
class MemoryRepository(FakeRepository):
    """A repository in memory, with the URL under which it is known."""

    url: str = "https://git.example.com/shop/blog.git"


def in_memory() -> GitSetup:
    """Return the in-memory adapter with an empty repository."""
    port, repository = memory.Git(), MemoryRepository()
    port.repositories[repository.url] = repository
    return GitSetup(port, repository)


@dataclass
class RealRepository:
    """A bare repository on disk, behind the server `base`."""

    folder: Path
    base: str
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.git("init", "--quiet", "--bare", str(self.folder))
        self.url = f"{self.base}/{self.folder.name}"

    def git(self, *arguments: str, data: bytes = b"") -> str:
        """Run git in the repository and return what it prints."""
        environment = {**os.environ, **IDENTITY, "GIT_INDEX_FILE": str(self.folder / "test-index")}
        folder = self.folder if self.folder.exists() else self.folder.parent
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, input=data, capture_output=True, check=True
        ).stdout.decode()

    def commit(self, files: Files, branch: str = "main", tag: str | None = None) -> str:
        """Add a commit to a branch and return its ID."""
        listing = []
        for path, content in files.items():
            mode, data = ("120000", content.target.encode()) if isinstance(content, Link) else ("100644", content)
            mode = "100755" if data.startswith(PROGRAMS) else mode
            listing.append(f"{mode} {self.git('hash-object', '-w', '--stdin', data=data).strip()}\t{path}")
        return self.commit_tree("\n".join(listing), branch, tag)

    def commit_tree(self, listing: str, branch: str = "main", tag: str | None = None) -> str:
        """Commit what `git update-index --index-info` takes."""
        self.git("read-tree", "--empty")
        self.git("update-index", "--index-info", data=listing.encode())
        commit = self.git("commit-tree", "-m", "A commit", self.git("write-tree").strip()).strip()
        self.git("update-ref", f"refs/heads/{branch}", commit)
        self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        if tag:
            self.git("tag", "--annotate", "-m", "A tag", tag, commit)
        return commit


@contextmanager
def real(folder: Path) -> Iterator[GitSetup]:
    """Serve an empty repository over HTTP and yield the real adapter with it."""
    (folder / "served").mkdir()
    with serve(folder / "served") as base:
        yield GitSetup(git.Git(folder / "fetched"), RealRepository(folder / "served" / "blog.git", base))


@contextmanager
def serve(root: Path, **options: Any) -> Iterator[str]:
    """Serve the repositories below a folder and yield the base URL. Options are attributes of `Backend`."""
    handler = type("Backend", (Backend,), {"root": root, **options})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Backend(BaseHTTPRequestHandler):
    """Runs `git http-backend` as a CGI program.

    `login` is `user:password`, if one is needed. `redirect` is where all requests are sent instead.
    """

    root: Path
    login: str | None = None
    redirect: str | None = None

    def do_GET(self) -> None:
        if self.redirect:
            self.answer(302, [("Location", self.redirect + self.path)])
        elif self.login and self.headers.get("Authorization") != _basic(self.login):
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')])
        else:
            self._run()

    do_POST = do_GET  # noqa: N815 - the library's name

    def _run(self) -> None:
        url, size = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(url.path),
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(size),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        ran = subprocess.run(
            ["git", "http-backend"], input=self.rfile.read(size), capture_output=True, env=environment, check=False
        )
        head, _, body = ran.stdout.partition(b"\r\n\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))]
        status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
        self.answer(status, [header for header in headers if header[0] != "Status"], body)

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes = b"") -> None:
        """Send a response."""
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()
