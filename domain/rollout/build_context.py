"""The files of a repository that a build reads."""

import posixpath
from collections.abc import Iterator, Mapping

from domain.ports.builder import ContextFile
from domain.ports.git import Entry, Tree
from domain.work.failures import TaskFailed

LARGEST_DOCKERFILE = 1024 * 1024


def context_entries(tree: Tree, context: str) -> dict[str, Entry]:
    """Return the files below a folder of the repository, by their paths in it.

    Raise TaskFailed if there are none, or if a path leaves the folder.
    """
    prefix = "" if context == "." else f"{context}/"
    entries = {path[len(prefix) :]: entry for path, entry in tree.entries.items() if path.startswith(prefix)}
    if not entries:
        raise TaskFailed("build_failed", f"The repository has no folder {context} at commit {tree.commit}")
    for path in entries:
        if posixpath.normpath(path) != path or path.startswith(("/", "../")) or path == "..":
            raise TaskFailed("policy_refused", f"The repository has a file whose path is {path!r}")
    return entries


def context_files(tree: Tree, entries: Mapping[str, Entry]) -> Iterator[ContextFile]:
    """Yield files with their contents. Raise TaskFailed if a symbolic link leads out of them."""
    for path, (entry, content) in zip(entries, tree.contents(entries.values()), strict=True):
        if entry.link:
            _require_inside(path, content.decode(errors="replace"))
        yield ContextFile(path, content, entry.executable, entry.link)


def read_dockerfile(tree: Tree, entries: Mapping[str, Entry], path: str) -> str:
    """Return the text of the Dockerfile. Raise TaskFailed if it cannot be read."""
    entry = entries.get(path)
    if entry is None:
        raise TaskFailed("build_failed", f"The repository has no file {path} in its context at commit {tree.commit}")
    if entry.link or entry.size > LARGEST_DOCKERFILE:
        raise TaskFailed("build_failed", f"{path} is {'a link' if entry.link else 'too large'}")
    return next(content for _, content in tree.contents([entry])).decode("utf-8-sig", errors="replace")


def _require_inside(path: str, target: str) -> None:
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith("/") or reached == ".." or reached.startswith("../") or "\0" in target:
        raise TaskFailed("policy_refused", f"The link {path} leads out of the build context, to {target[:200]}")
