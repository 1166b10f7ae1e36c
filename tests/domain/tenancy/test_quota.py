"""What a project counts for."""

from domain.catalogue.spec.template import MinResources
from domain.model.definition import Size
from domain.model.project import Component, Project
from domain.tenancy.quota import QuotaEffect, quota_effect

WEB = Component("web", "shop:1", cpu=0.1, memory_mb=64, replicas=3)
DB = Component("db", "db:1", cpu=0.2, memory_mb=256)


def test_limits_count_for_every_replica():
    assert quota_effect(Project((WEB, DB))) == QuotaEffect(1, 4, 0.5, 448, 0)


def test_sizes_go_before_what_the_text_says():
    sizes = {"web": Size(replicas=1, cpu=2.0), "db": Size(memory_mb=512)}
    assert quota_effect(Project((WEB, DB)), sizes) == QuotaEffect(1, 2, 2.2, 576, 0)


def test_a_component_that_is_scaled_to_nothing_counts_for_nothing():
    assert quota_effect(Project((WEB,)), {"web": Size(replicas=0)}) == QuotaEffect(1, 0, 0.0, 0, 0)


def test_without_limits_the_least_that_is_needed_counts():
    least = MinResources(cpu=1.0, memory_mb=300, storage_mb=50)
    project = Project((DB, Component("web", "shop:1")), volumes=("data",))
    assert quota_effect(project, least=least) == QuotaEffect(1, 2, 1.0, 300, 50)


def test_limits_that_are_written_count_also_when_they_exceed_the_least():
    least = MinResources(cpu=0.1, memory_mb=10)
    assert quota_effect(Project((DB, Component("web", "shop:1"))), least=least).memory_mb == 256


def test_limits_that_are_complete_go_before_the_least():
    assert quota_effect(Project((DB,)), least=MinResources(8.0, 4096, 10)) == QuotaEffect(1, 1, 0.2, 256, 0)
