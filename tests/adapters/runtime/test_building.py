"""Builds of images: their context, output, labels and failures, on each runtime."""

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from domain.adapters.docker.context_archive import context_archive
from domain.adapters.docker.scratch_image import busybox
from domain.model.identifiers import new_id
from domain.ports.builder import Build, BuildFailed, ContextFile
from domain.ports.runtime import EngineRefused
from tests.runtime_setup import RuntimeSetup

HEAD = "FROM scratch\nCOPY busybox /bin/busybox\n"


class Ended(Exception):  # noqa: N818 - not an error
    """Raised to end a build."""


def run(*argv: str) -> str:
    words = ", ".join(f'"{word}"' for word in ("/bin/busybox", *argv))
    return f"RUN [{words}]\n"


def request(setup: RuntimeSetup, dockerfile: str, *files: ContextFile, path: str = "Dockerfile") -> Build:
    context = [ContextFile(path, dockerfile.encode()), ContextFile("busybox", busybox(), executable=True), *files]
    labels = {**setup.labels, "panel.deployment": new_id("dep")}
    return Build(context, path, {}, f"panel-test/built:{new_id('dep')}", labels)


def build(setup: RuntimeSetup, dockerfile: str, *files: ContextFile, path: str = "Dockerfile") -> tuple[str, list[str]]:
    """Build, and return the digest and the output."""
    lines: list[str] = []
    image = setup.runtime.build(request(setup, dockerfile, *files, path=path), lines.extend)
    return image.digest, lines


@pytest.fixture(autouse=True)
def _removed(setup: RuntimeSetup) -> Iterator[None]:
    yield
    for container in setup.runtime.containers(setup.labels):
        setup.runtime.remove(container.name)
    for image in setup.runtime.built_images(setup.labels):
        setup.runtime.remove_image(image)


def test_an_image_is_built_and_can_be_found_by_its_digest(setup: RuntimeSetup):
    digest, lines = build(setup, HEAD + run("echo", new_id("word")) + "EXPOSE 8080\n")
    found = setup.runtime.find_image(digest)
    assert found is not None
    assert (found.digest, found.ports) == (digest, (8080,))
    assert any("RUN" in line for line in lines)


def test_what_a_step_prints_is_output(setup: RuntimeSetup):
    word = new_id("word")
    _, lines = build(setup, HEAD + run("echo", word))
    assert word in lines


def test_a_step_that_fails_ends_the_build_and_is_named(setup: RuntimeSetup):
    with pytest.raises(BuildFailed, match=r"busybox.*false"):
        build(setup, HEAD + run("false"))
    assert not setup.runtime.built_images(setup.labels)


def test_a_dockerfile_that_is_missing_fails_without_a_path_of_the_host(setup: RuntimeSetup):
    wrong = replace(request(setup, HEAD), dockerfile="missing/Dockerfile")
    with pytest.raises(BuildFailed) as failed:
        setup.runtime.build(wrong, lambda lines: None)
    assert "/tmp/" not in str(failed.value)


def test_a_dockerfile_may_stand_in_a_folder(setup: RuntimeSetup):
    digest, _ = build(setup, HEAD, path="docker/web.Dockerfile")
    assert setup.runtime.find_image(digest)


def test_a_build_can_be_ended_while_it_prints_nothing(setup: RuntimeSetup):
    seen = []

    def end(lines: Sequence[str]) -> None:
        seen.extend(lines)
        if not lines and any("sleep" in line for line in seen):
            raise Ended

    with pytest.raises(Ended):
        setup.runtime.build(request(setup, HEAD + run("sleep", "60")), end)
    assert not setup.runtime.built_images(setup.labels)


def test_a_failure_of_the_context_ends_the_build(setup: RuntimeSetup):
    def files() -> Iterable[ContextFile]:
        yield ContextFile("Dockerfile", HEAD.encode())
        raise Ended

    with pytest.raises(Ended):
        setup.runtime.build(replace(request(setup, HEAD), context=files()), lambda lines: None)


def test_images_are_found_by_their_labels_and_removed(setup: RuntimeSetup):
    digest, _ = build(setup, HEAD)
    other, _ = build(setup, HEAD + "EXPOSE 1\n")
    assert set(setup.runtime.built_images(setup.labels)) == {digest, other}
    assert setup.runtime.built_images(setup.labels)[digest]["panel.deployment"].startswith("dep_")
    setup.runtime.remove_image(digest)
    setup.runtime.remove_image(digest)
    assert set(setup.runtime.built_images(setup.labels)) == {other}
    assert setup.runtime.find_image(digest) is None


def test_an_image_that_a_container_uses_is_not_removed(setup: RuntimeSetup):
    digest, _ = build(setup, HEAD + 'CMD ["/bin/busybox", "sleep"]\n')
    setup.runtime.create(replace(setup.spec("holder"), image=digest))
    with pytest.raises(EngineRefused):
        setup.runtime.remove_image(digest)
    assert setup.runtime.find_image(digest)


def test_the_same_files_with_other_arguments_are_another_build(setup: RuntimeSetup):
    text = HEAD + "ARG WORD\n" + run("echo", "built") + "LABEL word=$WORD\n"
    first = setup.runtime.build(replace(request(setup, text), arguments={"WORD": "one"}), lambda lines: None)
    second = setup.runtime.build(replace(request(setup, text), arguments={"WORD": "two"}), lambda lines: None)
    assert first.digest != second.digest


def test_the_context_becomes_an_archive_with_folders_links_and_modes():
    files = [
        ContextFile("a/b/run", b"1" * 1000, executable=True),
        ContextFile("a/b/\u00e4 \udcff", b""),
        ContextFile("a/link", b"b/run", link=True),
        ContextFile("x" * 200, b"2"),
    ]
    with tarfile.open(fileobj=io.BytesIO(b"".join(context_archive(files))), errors="surrogateescape") as archive:
        found = {entry.name: (entry.type, entry.mode, entry.size, entry.linkname) for entry in archive}
    assert found == {
        "a": (tarfile.DIRTYPE, 0o755, 0, ""),
        "a/b": (tarfile.DIRTYPE, 0o755, 0, ""),
        "a/b/run": (tarfile.REGTYPE, 0o755, 1000, ""),
        "a/b/\u00e4 \udcff": (tarfile.REGTYPE, 0o644, 0, ""),
        "a/link": (tarfile.SYMTYPE, 0o644, 0, "b/run"),
        "x" * 200: (tarfile.REGTYPE, 0o644, 1, ""),
    }
