"""Sizes of the owner over those of the text."""

import pytest

from domain.compose import apply_sizes, check
from domain.errors import Invalid
from domain.model.definition import Size
from domain.model.project import Project

TEXT = """
services:
  web: {image: x, deploy: {replicas: 2, resources: {limits: {cpus: 1, memory: 64m}}}}
  db: {image: y}
"""


@pytest.fixture
def project():
    return check(TEXT).project


def figures(project: Project, name: str):
    part = project.component(name)
    return part.replicas, part.cpu, part.memory_mb


def test_a_size_replaces_only_the_fields_that_it_sets(project: Project):
    result = apply_sizes(project, {"web": Size(replicas=5), "db": Size(cpu=0.5, memory_mb=256)})
    assert figures(result, "web") == (5, 1.0, 64)
    assert figures(result, "db") == (1, 0.5, 256)
    assert figures(project, "web") == (2, 1.0, 64)


def test_no_sizes_change_nothing(project: Project):
    assert apply_sizes(project, {}) == project


def test_all_errors_are_returned_at_once(project: Project):
    with pytest.raises(Invalid) as refusal:
        apply_sizes(project, {"cache": Size(replicas=1), "web": Size(replicas=21, cpu=0.001), "db": Size(memory_mb=5)})
    assert sorted(refusal.value.fields) == ["sizes.cache", "sizes.db.memory_mb", "sizes.web.cpu", "sizes.web.replicas"]


@pytest.mark.parametrize("size", [Size(replicas=0), Size(replicas=-1), Size(cpu=float("nan")), Size(cpu=float("inf")),
                                  Size(memory_mb=2**63)])  # fmt: skip
def test_values_out_of_bounds_are_refused(project: Project, size: Size):
    with pytest.raises(Invalid):
        apply_sizes(project, {"web": size})
