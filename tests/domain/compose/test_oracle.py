"""Accepted texts mean what `docker compose config` says. `scripts/compose` installs it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from domain.model.project import Component, Project
from tests.domain.compose.corpus_samples import Sample, samples

# `docker compose config` refuses the fields of Coolify, and does not resolve `volumes_from`.
NOT_COMPARABLE = {"app-volumes-from", "coolify-content", "coolify-exclude", "coolify-plausible"}
ACCEPTED = [sample for sample in samples() if sample.name not in NOT_COMPARABLE and sample.check().project]

pytestmark = pytest.mark.compose


@pytest.mark.parametrize("sample", ACCEPTED, ids=lambda sample: sample.name)
def test_an_accepted_text_means_what_compose_says(sample: Sample, tmp_path: Path):
    project = sample.check().project
    assert project
    services = compose_config(sample, project, tmp_path)["services"]
    assert sorted(services) == sorted(component.name for component in project.components)
    for component in project.components:
        assert described(component) == expected(services[component.name])


def _binary() -> str:
    binary = os.environ.get("PANEL_TEST_COMPOSE", "")
    assert binary, "PANEL_TEST_COMPOSE is not set: scripts/compose installs the binary and prints its path"
    return binary


def compose_config(sample: Sample, project: Project, directory: Path) -> dict[str, Any]:
    """Run `docker compose config` on a text, with its files and variables, and declare its undeclared volumes."""
    for path, content in sample.files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(content)
    lines = "".join(f"{name}='{value}'\n" for name, value in sample.variables.items())
    for name in (".env", "stack.env"):
        (directory / name).write_text(lines)
    (directory / "compose.yaml").write_text(sample.text + undeclared(sample, project))
    command = [_binary(), "--project-name", "x", "-f", str(directory / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(command, env={"PATH": "/usr/bin"}, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))
    return config


def undeclared(sample: Sample, project: Project) -> str:
    names = [name for name in project.volumes if name not in project.volume_paths]
    declared = "\nvolumes:" in sample.text
    return "" if declared or not names else "\nvolumes: {" + ", ".join(f"{name}: " for name in names) + "}\n"


def described(component: Component) -> dict[str, Any]:
    probe = component.probe
    directories = {mount.path for mount in component.mounts}
    files = {file.path for file in component.files if not any(file.path.startswith(f"{path}/") for path in directories)}
    return {
        "command": None if component.command is None else list(component.command),
        "entrypoint": None if component.entrypoint is None else list(component.entrypoint),
        "environment": component.environment,
        "ports": {(port.number, port.protocol) for port in component.ports},
        "paths": directories | files | {path.partition(":")[0] for path in component.tmpfs},
        "depends_on": dict(component.depends_on),
        "user": component.user,
        "working_dir": component.working_dir,
        "test": None if probe is None or probe.disabled or not probe.test else list(probe.test),
        "replicas": component.replicas,
        "cpu": component.cpu,
        "hostname": component.hostname,
        "shm": component.shm_bytes,
        "image": component.image,
    }


def expected(service: dict[str, Any]) -> dict[str, Any]:
    """Return the same from the JSON of compose, without the time zone files of the host."""
    deploy = service.get("deploy", {})
    volumes = [volume["target"] for volume in service.get("volumes", ()) if "/etc/" not in volume.get("source", "")]
    secrets = [item.get("target") or item["source"] for item in service.get("secrets", ())]
    configs = [item.get("target") or "/" + item["source"] for item in service.get("configs", ())]
    tmpfs = [path.partition(":")[0] for path in service.get("tmpfs", ())]
    test = service.get("healthcheck", {}).get("test")
    needed = service.get("depends_on", {})
    return {
        "command": service.get("command"),
        "entrypoint": service.get("entrypoint"),
        "environment": {name: text for name, text in service.get("environment", {}).items() if text is not None},
        "ports": {(port["target"], port["protocol"]) for port in service.get("ports", ())},
        "paths": {os.path.normpath(path) for path in (*volumes, *secrets, *configs, *tmpfs)},
        "depends_on": {name: item["condition"] for name, item in needed.items() if item["required"]},
        "user": service.get("user"),
        "working_dir": service.get("working_dir"),
        "test": test if test and not service["healthcheck"].get("disable") else None,
        "replicas": service.get("scale", deploy.get("replicas", 1)),
        "cpu": service.get("cpus") or deploy.get("resources", {}).get("limits", {}).get("cpus"),
        "hostname": service.get("hostname"),
        "shm": int(service["shm_size"]) if "shm_size" in service else None,
        "image": service["image"],
    }
