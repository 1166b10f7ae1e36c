"""Thirty texts of the corpus, deployed on the real engine from images that only listen at the ports of the text."""

import re
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from domain.model.project import Component, Project
from tests.domain.compose.corpus_samples import Sample, samples
from tests.engine import Images
from tests.process import Process

DEPLOYED = 30
_IMAGE = re.compile(r"""(\bimage: *["']?)([^\s"',}$]+)(?=["'\s,}]|$)""", re.M)
_PROGRAM = re.compile(r"[A-Za-z][\w.-]+")
_NETWORK = {"nc", "wget"}  # which busybox's shell has itself, so that no other program can take their place
_START = 'for port in $CORPUS_PORTS; do /bin/httpd -p "$port" -h /www; done; exec /bin/sleep 100000'


@dataclass(frozen=True)
class DeployableSample:
    """A text whose images are replaced by those of the test, with what it means."""

    sample: Sample
    project: Project


@pytest.fixture
def chosen(images: Images) -> list[DeployableSample]:
    """The first texts whose meaning does not depend on what their images do; those with few components first."""
    found = sorted(_deployable(images.registry), key=lambda each: len(each.project.components))
    return found[:DEPLOYED]


def _deployable(registry: str) -> Iterator[DeployableSample]:
    for sample in samples():
        text = _IMAGE.sub(lambda match: f"{match[1]}{registry}/corpus/{_flat(match[2])}", sample.text)
        changed = replace(sample, text=text)
        project = changed.check().project
        if project is not None and all(_is_plain(component, registry) for component in project.components):
            yield DeployableSample(changed, project)


def _flat(image: str) -> str:
    name, _, tag = image.partition("@")[0].replace("/", "-").lower().partition(":")
    return f"{name}:{tag or 'latest'}"


def _is_plain(component: Component, registry: str) -> bool:
    jobs = "service_completed_successfully" in component.depends_on.values()
    needs_host = bool(component.ulimits)  # the host's own limits may be lower
    asks = component.probe is not None and _NETWORK & {*_PROGRAM.findall(" ".join(component.probe.test))}
    return (
        component.image.startswith(f"{registry}/corpus/")
        and component.entrypoint is None
        and not (jobs or asks or needs_host)
    )


@pytest.fixture
def stubs(chosen: list[DeployableSample], images: Images) -> None:
    """An image under each name of the chosen texts, which listens at all ports that they name for it."""
    base = f"{images.registry}/corpus-base:1"
    probes = [component.probe for each in chosen for component in each.project.components if component.probe]
    programs = {word for probe in probes for text in probe.test[1:] for word in _PROGRAM.findall(text)}
    stubs = {f"stub/{name}": b"#!/bin/sh\nexit 0\n" for name in programs}  # every health check succeeds
    users = "root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n"
    files = {**stubs, "stub/start": f"#!/bin/sh\n{_START}\n".encode(), "etc/passwd": users.encode()}
    images.load(base, files, Entrypoint=["/stub/start"], Env=["PATH=/stub:/bin"])
    ports: defaultdict[str, set[int]] = defaultdict(set)
    for each in chosen:
        for component in each.project.components:
            ports[component.image] |= {*component.expose}
    container = images.client.create_container(base)["Id"]
    for image, numbers in ports.items():
        repository, _, tag = image.rpartition(":")
        listed = " ".join(map(str, sorted(numbers)))
        images.client.commit(container, repository, tag, changes=[f'ENV CORPUS_PORTS="{listed}"'])
    images.client.remove_container(container)


@pytest.mark.timeout(400)
def test_thirty_texts_of_the_corpus_run(process: Process, chosen: list[DeployableSample], stubs: None) -> None:
    assert len(chosen) == DEPLOYED
    with ThreadPoolExecutor(8) as pool:
        problems = list(pool.map(lambda each: _deploy(process, each), chosen))
    assert [problem for problem in problems if problem] == []


def _deploy(process: Process, each: DeployableSample) -> str | None:
    """Return what is wrong with a deployment of the text, None if it runs."""
    sample = each.sample
    files = {path: {"content": content} for path, content in sample.files.items()}
    given = {"variables": sample.variables, "files": files}
    body = {name: value for name, value in given.items() if value}
    created = process.create(deploy_method="compose", compose=sample.text, name=f"corpus-{sample.name}"[:63], **body)
    operation = process.wait_finished(created["operation_id"], 150)
    service = process.ask("GET", f"/services/{created['id']}")
    if operation["status"] != "succeeded" or service["status"] != "running":
        return f"{sample.name}: {service['status']}, {operation['failure']}"
    if (service["url"] is None) != (each.project.public_endpoint() is None):
        return f"{sample.name}: its URL is {service['url']}"
    return None
