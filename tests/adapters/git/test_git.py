"""Git itself: what servers and repositories can make it do, which is nothing but give files."""

import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from domain.adapters.git import process
from domain.model.git_source import GitSource
from domain.ports.git import FetchFailed, FetchRequest, RepositoryRefused, RepositoryTooLarge
from tests.git_server import Backend, GitSetup, RealRepository, serve


def fetch(setup: GitSetup, url: str = "", address: str = "127.0.0.1", **fields: str) -> dict[str, bytes]:
    source = GitSource(url or setup.repository.url, **fields)
    with setup.port.open(FetchRequest(source, (address,)), lambda: None) as tree:
        return {entry.path: content for entry, content in tree.contents(tree.entries.values())}


def test_only_the_address_that_was_checked_is_connected_to(real: GitSetup):
    real.repository.commit({"a": b"1"})
    url = real.repository.url.replace("127.0.0.1", "git.example.com")
    assert fetch(real, url) == {"a": b"1"}
    with pytest.raises(FetchFailed, match="does not answer"):
        fetch(real, url, address="127.0.0.2")


def test_a_redirect_is_not_followed(real: GitSetup, tmp_path: Path):
    real.repository.commit({"a": b"1"})
    base, _, name = real.repository.url.rpartition("/")
    with serve(tmp_path, redirect=base) as other, pytest.raises(FetchFailed, match="redirects to another URL"):
        fetch(real, f"{other}/{name}")


@pytest.mark.parametrize(
    "url",
    ["file://{0}", "ext::sh -c touch% {1}", "ssh://-oProxyCommand=touch%20{1}/x", "--upload-pack=touch {1}", "{0}"],
)
def test_no_other_transport_is_used(real: GitSetup, tmp_path: Path, url: str):
    real.repository.commit({"a": b"1"})
    assert isinstance(real.repository, RealRepository)
    mark = tmp_path / "mark"
    repository = tmp_path / "fetching"
    repository.mkdir()
    deadline = process.Deadline(20, lambda: None)
    process.run(repository, ["init", "--quiet", "--bare", "."], deadline)
    source = GitSource("https://git.example.com/x")  # whose scheme is allowed
    result = process.run(
        repository,
        ["fetch", "--quiet", "--", url.format(real.repository.folder, mark), "HEAD"],
        deadline,
        FetchRequest(source, ("127.0.0.1",)),
    )
    assert result.exit_code
    assert any(words in result.errors for words in ("not allowed", "strange hostname", "strange pathname"))
    assert not mark.exists()


def test_a_login_is_not_asked_for(real: GitSetup, tmp_path: Path):
    real.repository.commit({"a": b"1"})
    name = real.repository.url.rpartition("/")[2]
    with (
        serve(tmp_path / "served", login="ann:s3cret") as other,
        pytest.raises(RepositoryRefused, match="only with a login"),
    ):
        fetch(real, f"{other}/{name}")


def test_hooks_attributes_and_filters_of_a_repository_do_nothing(real: GitSetup, tmp_path: Path):
    mark = tmp_path / "mark"
    files = {
        ".gitattributes": b"* filter=evil export-ignore\n",
        ".git-hooks/post-checkout": f"#!/bin/sh\ntouch {mark}\n".encode(),
        "hooks/reference-transaction": f"#!/bin/sh\ntouch {mark}\n".encode(),
        "file": b"1",
    }
    real.repository.commit(files)
    assert fetch(real) == files
    assert not mark.exists()


def test_submodules_are_left_out(real: GitSetup):
    assert isinstance(real.repository, RealRepository)
    commit = real.repository.commit({"a": b"1"})
    blob = real.repository.git("hash-object", "-w", "--stdin", data=b"1").strip()
    modules = real.repository.git(
        "hash-object", "-w", "--stdin", data=b'[submodule "x"]\npath = x\nurl = file:///etc\n'
    ).strip()
    real.repository.commit_tree(f"160000 {commit}\tx\n100644 {blob}\ta\n100644 {modules}\t.gitmodules\n")
    assert set(fetch(real)) == {"a", ".gitmodules"}


def test_a_transfer_that_is_too_large_is_ended(real: GitSetup, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "MOST_BYTES", 2**20)
    real.repository.commit({"noise": os.urandom(3 * 2**20)})
    with pytest.raises(RepositoryTooLarge, match="more than 1 MiB"):
        fetch(real)


def test_nothing_of_a_fetch_is_left_behind(real: GitSetup, tmp_path: Path):
    real.repository.commit({"a": b"1"})
    fetch(real)
    with pytest.raises(FetchFailed):
        fetch(real, branch="missing")
    assert not list((tmp_path / "fetched").iterdir())


def test_what_a_killed_worker_left_behind_is_removed(real: GitSetup, tmp_path: Path):
    real.repository.commit({"a": b"1"})
    left = tmp_path / "fetched" / "fetch-left"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    fetch(real)
    assert not left.exists()


def test_a_server_that_says_nothing_is_left_at_the_deadline(real: GitSetup, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("domain.adapters.git.FETCH_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(FetchFailed, match="not fetched within"):
            fetch(real, f"http://127.0.0.1:{silent.getsockname()[1]}/x.git")
    assert time.monotonic() - started < 10


def test_all_processes_of_a_fetch_end_with_it(real: GitSetup):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"
        silent.setblocking(False)
        accepted: list[socket.socket] = []

        def check() -> None:
            with suppress(BlockingIOError):
                accepted.append(silent.accept()[0])
                raise InterruptedError

        with pytest.raises(InterruptedError), real.port.open(FetchRequest(GitSource(url), ("127.0.0.1",)), check):
            pytest.fail("the fetch was not ended")
        accepted[0].close()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert url not in listed


def test_what_a_server_says_is_in_the_log_of_the_panel_only(
    real: GitSetup, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def answer(backend: Backend) -> None:
        backend.answer(500, [("Content-Type", "text/plain; charset=utf-8")], b"internal secret of the server")

    with serve(tmp_path, do_GET=answer) as base, pytest.raises(FetchFailed) as failed:
        fetch(real, f"{base}/x.git")
    assert "secret" not in str(failed.value)
    assert "500" in caplog.text
