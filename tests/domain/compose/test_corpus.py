"""What the check makes of texts like those that people deploy."""

from collections import Counter
from typing import Any

import pytest
import yaml

from domain.compose import CheckResult
from tests.domain.compose.corpus_samples import DIRECTORY, Sample, samples

SAMPLES = samples()
MEANINGS = yaml.safe_load((DIRECTORY / "meanings.yaml").read_text())
# Codes for what would give a service power over the host or over others.
DANGERS = {
    "capability_refused", "device_refused", "docker_socket_refused", "external_refused", "host_mount_refused",
    "host_namespace_refused", "privileged_refused", "security_opt_refused", "sysctl_refused", "volume_driver_refused",
}  # fmt: skip


def meaning(result: CheckResult) -> dict[str, Any]:
    """Describe a result: error codes, or the endpoint, the volumes and the files; and the warnings by code."""
    findings = list(result.findings)
    warnings = dict(sorted(Counter(found.code.value for found in findings if found.severity == "warning").items()))
    if result.project is None:
        return {"refused": sorted({found.code.value for found in findings if found.severity == "error"})}
    endpoint = result.project.public_endpoint()
    return {
        "endpoint": f"{endpoint[0].name}:{endpoint[1]}" if endpoint else None,
        "volumes": list(result.project.volumes),
        "files": sorted(file.path for component in result.project.components for file in component.files),
        "warnings": warnings,
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_text_of_the_corpus_has_its_meaning(sample: Sample):
    assert meaning(sample.check()) == MEANINGS[sample.name]


def test_every_meaning_has_a_text():
    assert set(MEANINGS) == {sample.name for sample in SAMPLES}
    assert len(SAMPLES) >= 150


# `docker compose up` refuses these too: a file, a variable or a service is missing, or the text is wrong.
INCOMPLETE = {
    "app-cycle", "app-healthcheck-unset", "app-image-tag-unset", "app-include-missing",
    "app-unknown-field", "auth-user-unset",
    "db-mariadb-phpmyadmin", "home-paperless", "profiles-dependency-inactive", "swarm-secret-file-missing",
    "web-proxy-config-missing",
}  # fmt: skip


def test_texts_that_compose_starts_are_accepted_unless_they_build_or_reach_for_the_host():
    refused = {sample.name: set(MEANINGS[sample.name].get("refused", ())) for sample in SAMPLES if not sample.builds}
    sound = {name: codes for name, codes in refused.items() if name not in INCOMPLETE and not codes & DANGERS}
    accepted = [name for name, codes in sound.items() if not codes]
    assert len(accepted) >= 0.95 * len(sound)
