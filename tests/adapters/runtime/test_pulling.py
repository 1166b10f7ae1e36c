"""Pulls: digests, missing images, cancelling, on both runtimes."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain.adapters import docker, memory
from domain.adapters.images import HELLO, HELLO_OUTPUT
from domain.errors import Unavailable
from domain.model.project import Component
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import (
    Image,
    ImageMissing,
    Layers,
    RegistryCredentials,
    RegistryRefused,
    Runtime,
)
from tests.runtime_setup import RuntimeSetup


class Cancelled(Exception):  # noqa: N818 - not an error
    """Raised by the progress callback to abort a pull."""


def test_a_pull_reports_progress_and_returns_a_digest_that_can_be_started(setup: RuntimeSetup):
    reported: list[Layers | None] = []
    image = setup.runtime.pull(setup.reference("web:1"), reported.append)
    assert reported
    assert image.reference == setup.reference("web:1")
    assert image.digest.startswith(setup.reference("web@sha256:"))
    assert image.ports == (8080,)
    component = Component("web", image.reference)
    spec = ContainerSpec(setup.name("web"), image.digest, component, {}, {setup.network(): ()}, (), setup.labels)
    setup.runtime.create(spec)
    setup.runtime.start(spec.name)
    assert setup.inspect(spec.name).state == "running"


def test_a_digest_is_stable_and_differs_between_versions(setup: RuntimeSetup):
    first, repeated, other = (
        setup.runtime.pull(setup.reference(name), lambda layers: None).digest for name in ("web:1", "web:1", "web:2")
    )
    assert first == repeated != other


def test_a_digest_can_be_pulled_again(setup: RuntimeSetup):
    digest = setup.runtime.pull(setup.reference("web:1"), lambda layers: None).digest
    image = setup.runtime.pull(digest, lambda layers: None)
    assert (image.digest, image.ports) == (digest, (8080,))


def test_what_was_pulled_is_found_by_reference_and_by_digest(setup: RuntimeSetup):
    digest = setup.runtime.pull(setup.reference("web:1"), lambda layers: None).digest
    for reference in (setup.reference("web:1"), digest):
        image = setup.runtime.find_image(reference)
        assert image
        assert replace(image, entrypoint=()) == Image(reference, digest, (8080,))


@pytest.mark.parametrize("reference", ["missing:1", "../x", "web@sha256:" + "0" * 64, "sha256:" + "0" * 64])
def test_an_image_that_the_engine_does_not_have_is_not_found(setup: RuntimeSetup, reference: str):
    assert setup.runtime.find_image(reference) is None


@pytest.mark.parametrize("name", ["missing:1", "web:nope"])
def test_an_image_that_no_registry_has_is_missing(setup: RuntimeSetup, name: str):
    if name == "web:nope" and isinstance(setup.runtime, memory.Runtime):
        setup.runtime.images[setup.reference(name)] = memory.Behaviour(exists=False)
    with pytest.raises(ImageMissing):
        setup.runtime.pull(setup.reference(name), lambda layers: None)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "-v",
        "UPPER:1",
        "a b",
        "web:",
        "web:1;ls",
        "web\n",
        "../x",
        "x/../../containers/web",
        "web?x=1",
        "sha256:" + "0" * 64,
    ],
)
def test_an_invalid_image_reference_is_missing(setup: RuntimeSetup, reference: str):
    with pytest.raises(ImageMissing):
        setup.runtime.pull(reference, lambda layers: None)


def test_the_hello_image_needs_no_registry(setup: RuntimeSetup):
    reported: list[Layers | None] = []
    image = setup.runtime.pull(HELLO, reported.append)
    assert reported
    assert image.digest.startswith("sha256:")
    assert image.ports == (8080,)
    found = setup.runtime.find_image(image.digest)
    assert found
    assert found.digest == image.digest
    component = Component("web", HELLO)
    spec = ContainerSpec(setup.name("hello"), image.digest, component, {}, {setup.network(): ()}, (), setup.labels)
    setup.runtime.create(spec)
    setup.runtime.start(spec.name)
    setup.wait_until(spec.name, lambda found: setup.probe_http(found, 8080, "/", 5))
    assert setup.runtime.logs(spec.name, 10) == [HELLO_OUTPUT]


def test_an_exception_of_the_progress_callback_aborts_the_pull(setup: RuntimeSetup):
    def progress(layers: Layers | None):
        raise Cancelled

    with pytest.raises(Cancelled):
        setup.runtime.pull(setup.reference("web:1"), progress)


def _calls(runtime: Runtime) -> dict[str, Callable[[], object]]:
    component = Component("web", "panel-test/web:1")
    spec = ContainerSpec("web", component.image, component, {}, {}, (), {})
    return {
        "ping": runtime.ping,
        "pull": lambda: runtime.pull("panel-test/web:1", lambda layers: None),
        "find_image": lambda: runtime.find_image("panel-test/web:1"),
        "hello": lambda: runtime.pull(HELLO, lambda layers: None),
        "create_network": lambda: runtime.create_network("net", {}),
        "create_volume": lambda: runtime.create_volume("data", {}),
        "create": lambda: runtime.create(spec),
        "start": lambda: runtime.start("web"),
        "stop": lambda: runtime.stop("web", 1),
        "remove": lambda: runtime.remove("web"),
        "remove_network": lambda: runtime.remove_network("net"),
        "remove_volume": lambda: runtime.remove_volume("data"),
        "inspect": lambda: runtime.inspect("web"),
        "containers": lambda: runtime.containers({}),
        "networks": lambda: runtime.networks({}),
        "volumes": lambda: runtime.volumes({}),
        "logs": lambda: runtime.logs("web", 5),
        "output": lambda: runtime.output("web"),
        "follow": lambda: next(runtime.follow("web")),
        "stats": lambda: runtime.stats(["web"]),
    }


@pytest.fixture(params=["memory", "docker"])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Runtime:
    """A runtime whose engine cannot be reached."""
    if request.param == "docker":
        return docker.Runtime(f"unix://{tmp_path}/nobody.sock")
    runtime = memory.Runtime()
    runtime.away = True
    return runtime


@pytest.mark.parametrize("call", sorted(_calls(memory.Runtime())))
def test_an_unreachable_engine_is_unavailable(away: Runtime, call: str):
    with pytest.raises(Unavailable) as refusal:
        _calls(away)[call]()
    assert refusal.value.code == "engine_unavailable"


def test_a_hanging_pull_in_memory_reports_progress_until_it_is_released(in_memory: RuntimeSetup):
    in_memory.runtime.images["panel-test/hangs:1"] = memory.Behaviour(hangs=True)
    reported: list[Layers | None] = []

    def progress(layers: Layers | None):
        reported.append(layers)
        if len(reported) == 5:
            in_memory.runtime.release()

    in_memory.runtime.pull("panel-test/hangs:1", progress)
    assert len(reported) >= 5


def test_a_hanging_pull_in_memory_can_be_cancelled(in_memory: RuntimeSetup):
    in_memory.runtime.images["panel-test/hangs:1"] = memory.Behaviour(hangs=True)
    end = time.monotonic() + 0.2

    def progress(layers: Layers | None):
        if time.monotonic() > end:
            raise Cancelled

    with pytest.raises(Cancelled):
        in_memory.runtime.pull("panel-test/hangs:1", progress)


def test_a_private_image_in_memory_is_pulled_with_its_login_only(in_memory: RuntimeSetup):
    login = RegistryCredentials("ann", "s3cret")
    in_memory.runtime.images["panel-test/private:1"] = memory.Behaviour(requires=login)
    for credentials in (None, RegistryCredentials("ann", "wrong")):
        with pytest.raises(RegistryRefused, match="denies access"):
            in_memory.runtime.pull("panel-test/private:1", lambda layers: None, credentials)
    image = in_memory.runtime.pull("panel-test/private:1", lambda layers: None, login)
    assert "s3cret" not in repr((login, image))
    assert in_memory.runtime.pull(image.digest, lambda layers: None).digest == image.digest


def test_a_login_in_memory_is_accepted_or_refused(in_memory: RuntimeSetup):
    in_memory.runtime.logins.accepted["registry.example"] = RegistryCredentials("ann", "s3cret")
    in_memory.runtime.log_in("registry.example", RegistryCredentials("ann", "s3cret"))
    with pytest.raises(RegistryRefused, match=r"registry\.example"):
        in_memory.runtime.log_in("registry.example", RegistryCredentials("ann", "wrong"))
