"""What is fetched from a repository: the commits of branches and tags, and their files."""

from typing import Any

import pytest

from domain.adapters.memory import Link
from domain.model.git_source import GitSource
from domain.ports import git
from domain.ports.git import Entry, FetchRequest, RepositoryRefused, RepositoryTooLarge, RevisionMissing
from tests.git_server import Files, GitSetup

FILES: Files = {
    "Dockerfile": b"FROM scratch\n",
    "app/main.py": b"print('hello')\n",
    "app/run": b"#!/bin/sh\n",
    "latest": Link("app/main.py"),
    "with space/\u00e4.bin": bytes(range(256)),
}


class Ended(Exception):  # noqa: N818 - not an error
    """Raised to end a fetch."""


def fetch(setup: GitSetup, **fields: Any) -> tuple[str, dict[str, bytes]]:
    """Return the commit and the files that are fetched."""
    source = GitSource(**{"repository": setup.repository.url, **fields})
    with setup.port.open(FetchRequest(source, (setup.address,)), lambda: None) as tree:
        return tree.commit, {entry.path: content for entry, content in tree.contents(tree.entries.values())}


def test_without_a_revision_the_newest_commit_of_the_default_branch_is_fetched(setup: GitSetup):
    setup.repository.commit({"a": b"1"})
    newest = setup.repository.commit({"b": b"2"})
    assert fetch(setup) == (newest, {"b": b"2"})


def test_a_branch_a_tag_and_a_commit_are_fetched_by_their_names(setup: GitSetup):
    first = setup.repository.commit({"a": b"1"}, tag="v1")
    second = setup.repository.commit({"b": b"2"}, branch="feature/login")
    setup.repository.commit({"c": b"3"})
    assert fetch(setup, branch="feature/login") == (second, {"b": b"2"})
    assert fetch(setup, tag="v1") == (first, {"a": b"1"})
    assert fetch(setup, commit=second) == (second, {"b": b"2"})


def test_files_have_their_contents_and_links_their_targets(setup: GitSetup):
    setup.repository.commit(FILES)
    source = GitSource(setup.repository.url)
    with setup.port.open(FetchRequest(source, (setup.address,)), lambda: None) as tree:
        assert list(tree.entries) == sorted(FILES)
        assert tree.entries["latest"].link
        assert [path for path, entry in tree.entries.items() if entry.executable] == ["app/run"]
        assert next(tree.contents([tree.entries["Dockerfile"]]))[1] == b"FROM scratch\n"
        read = {entry.path: content for entry, content in tree.contents(reversed(tree.entries.values()))}
    assert read == {**FILES, "latest": b"app/main.py"}


@pytest.mark.parametrize(
    "fields", [{"branch": "missing"}, {"tag": "missing"}, {"commit": "0" * 40}], ids=["branch", "tag", "commit"]
)
def test_a_revision_that_does_not_exist_is_named(setup: GitSetup, fields: dict[str, str]):
    setup.repository.commit({"a": b"1"})
    with pytest.raises(RevisionMissing, match=f"has no {next(iter(fields))} "):
        fetch(setup, **fields)


def test_a_repository_that_does_not_exist_is_refused(setup: GitSetup):
    missing = setup.repository.url.replace("blog", "missing")
    if hasattr(setup.port, "repositories"):
        setup.port.repositories[missing] = None
    with pytest.raises(RepositoryRefused, match="no such repository, or shows it only with a login"):
        fetch(setup, repository=missing)


def test_a_revision_with_too_many_files_is_refused(setup: GitSetup, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(git, "MOST_FILES", 3)
    setup.repository.commit({str(number): b"" for number in range(4)})
    with pytest.raises(RepositoryTooLarge, match="more than 3 files"):
        fetch(setup)


def test_files_that_are_too_large_together_are_refused(setup: GitSetup, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(git, "MOST_BYTES", 2**20)
    setup.repository.commit({"bomb": bytes(2**20 + 1)})
    with pytest.raises(RepositoryTooLarge, match="more than 1 MiB in them"):
        fetch(setup)


def test_a_fetch_can_be_ended(setup: GitSetup):
    setup.repository.commit({"a": b"1"})

    def end() -> None:
        raise Ended

    with (
        pytest.raises(Ended),
        setup.port.open(FetchRequest(GitSource(setup.repository.url), (setup.address,)), end),
    ):
        pytest.fail("the fetch was not ended")


def test_entries_are_counted_and_summed_up_before_anything_is_read():
    with pytest.raises(RepositoryTooLarge):
        git.require_bounded(Entry(str(number), 100 * 2**20) for number in range(10**9))
