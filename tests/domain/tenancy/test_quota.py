"""What a project counts against quotas."""

from dataclasses import replace

from domain.model.definition import MinResources
from domain.model.project import Component, Project
from domain.tenancy.quota import QuotaEffect, quota_effect

WEB = Component("web", "shop:1", cpu=0.1, memory_mb=64, replicas=3)
DB = Component("db", "db:1", cpu=0.2, memory_mb=256)


def test_limits_count_for_every_replica():
    assert quota_effect(Project((WEB, DB))) == QuotaEffect(1, 4, 0.5, 448, 0)


def test_a_component_without_replicas_counts_for_nothing():
    assert quota_effect(Project((replace(WEB, replicas=0),))) == QuotaEffect(1, 0, 0.0, 0, 0)


def test_without_limits_the_minimum_counts():
    minimum = MinResources(cpu=1.0, memory_mb=300, storage_mb=50)
    project = Project((DB, Component("web", "shop:1")), volumes=("data",))
    assert quota_effect(project, minimum) == QuotaEffect(1, 2, 1.0, 300, 50)


def test_limits_above_the_minimum_count():
    minimum = MinResources(cpu=0.1, memory_mb=10)
    assert quota_effect(Project((DB, Component("web", "shop:1"))), minimum).memory_mb == 256


def test_complete_limits_count_instead_of_the_minimum():
    assert quota_effect(Project((DB,)), minimum=MinResources(8.0, 4096, 10)) == QuotaEffect(1, 1, 0.2, 256, 0)
