"""Git over https, with the program git: it gets arguments and a configuration of its own, and runs nothing else.

A revision is fetched into a bare repository and read from there. Files are never checked out, so that neither links,
attributes nor hooks of a repository do anything on this host.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.adapters.git.failures import fetch_failure
from domain.adapters.git.process import Deadline, run
from domain.adapters.git.tree import GitTree, open_tree
from domain.model.git_source import GitSource
from domain.ports.git import FETCH_SECONDS, FetchRequest

_FETCHED = "refs/panel/fetched"
_OLD = 2 * 3600  # seconds: longer than a fetch with its build
_PREFIX = "fetch-"


class Git:
    """Fetches into folders below `folder`, each with access for this user alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def open(self, request: FetchRequest, check: Callable[[], None]) -> Iterator[GitTree]:
        """Fetch a revision without its history."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        _remove_old(self._folder)
        with TemporaryDirectory(prefix=_PREFIX, dir=self._folder) as folder:
            repository, deadline = Path(folder), Deadline(FETCH_SECONDS, check)
            _fetch(repository, request, deadline)
            with open_tree(repository, _FETCHED, deadline) as tree:
                yield tree


def _fetch(repository: Path, request: FetchRequest, deadline: Deadline) -> None:
    run(repository, ["init", "--quiet", "--bare", "--template=", "."], deadline)
    arguments = [
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-auto-gc",
        "--no-write-fetch-head",
    ]
    refspec = f"+{_reference(request.source)}:{_FETCHED}"
    result = run(repository, ["fetch", *arguments, "--", request.source.repository, refspec], deadline, request)
    if result.exit_code:
        raise fetch_failure(request.source, result.errors)


def _reference(source: GitSource) -> str:
    if source.branch:
        return f"refs/heads/{source.branch}"
    return f"refs/tags/{source.tag}" if source.tag else source.commit or "HEAD"


def _remove_old(folder: Path) -> None:
    """Remove what killed workers have left behind."""
    for left in folder.glob(f"{_PREFIX}*"):
        if left.stat().st_mtime < time.time() - _OLD:
            shutil.rmtree(left, ignore_errors=True)
