"""Repositories: entities are read as they were stored, and concurrent changes are not lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain import errors
from domain.model.definition import Definition, HealthCheck, Size, Variable
from domain.model.deployment import LogLine
from domain.model.operation import OperationStatus
from domain.model.role import Role
from domain.model.service import DeployMethod, Health, Limits, ServiceStatus, Usage
from domain.model.steps import Failure, Step
from domain.ports.store import Store
from tests.adapters.sql.entities import NOW, after, api_key, deployment, named, operation, service

FULL = Definition(
    compose="services:\n  web: {image: 'näß ☃'}\n",
    variables=(Variable("A", "1"), Variable("B", "sealed", secret=True)),
    port=8080,
    sizes={"web": Size(replicas=2, cpu=0.5, memory_mb=128), "db": Size()},
    health_check=HealthCheck(path="/up", port=80),
    timeout=60,
)


def test_a_service_is_read_as_it_was_stored(store: Store):
    stored = service(
        name="näme",
        definition=FULL,
        customer_id="cust_1",
        template="hello",
        image="busybox",
        labels={"z": "1", "a": "2"},
        live_deployment_id="dep_1",
        deployed_at=after(seconds=3),
        url="http://localhost:49000",
        limits=Limits(cpu=1.5, memory_mb=256),
        usage=Usage(0.25, 12.5, 3.0),
        health=Health("healthy", NOW, 2),
    )
    with store.begin() as work:
        work.services.add(stored)
    with store.read() as work:
        assert work.services.get(stored.id) == stored


def test_a_deployment_an_operation_and_a_key_are_read_as_they_were_stored(store: Store):
    owner = service()
    steps = (Step("pulling", NOW, after(seconds=1)), Step("creating", after(seconds=1)))
    failure = Failure("image_missing", "no such image", ("line 1", "line 2"))
    made = deployment(owner.id, definition=FULL, images={"web": "sha256:1"}, steps=steps, failure=failure)
    task = operation(owner.id, options={"volumes": "keep", "grace": 2.5, "flag": True, "absent": None}, steps=steps)
    key = api_key(denied_permissions=("env.reveal",), allowed_ips=("10.0.0.0/8",), expires_at=NOW, rate_limit_rpm=3)
    with store.begin() as work:
        work.services.add(owner)
        work.deployments.add(made)
        work.operations.add(task)
        work.api_keys.add(key)
    with store.read() as work:
        assert work.deployments.get(made.id) == made
        assert work.operations.get(task.id) == task
        assert work.api_keys.get(key.id) == key


def test_an_unknown_id_is_none_and_removing_it_succeeds(store: Store):
    with store.begin() as work:
        assert work.services.get("svc_none") is None
        assert work.api_keys.by_prefix("none") is None
        work.services.remove("svc_none")


def test_times_are_stored_in_utc_and_truncated_to_milliseconds(store: Store):
    there = datetime(2026, 3, 29, 3, 30, 0, 123999, tzinfo=timezone(timedelta(hours=2)))
    stored = service(created_at=there)
    with store.begin() as work:
        work.services.add(stored)
    with store.read() as work:
        found = work.services.get(stored.id)
    assert found is not None
    assert found.created_at == datetime(2026, 3, 29, 1, 30, 0, 123000, tzinfo=UTC)
    assert found.created_at.tzinfo is UTC


def test_saving_raises_the_revision_in_the_row_and_in_the_object(store: Store):
    stored = service()
    with store.begin() as work:
        work.services.add(stored)
    with store.begin() as work:
        found = work.services.get(stored.id)
        assert found is not None
        found.name = "renamed"
        work.services.save(found)
        assert found.revision == 2
    with store.read() as work:
        assert work.services.get(stored.id) == replace(stored, name="renamed", revision=2)


def test_saving_a_stale_entity_is_refused_and_loses_nothing(store: Store):
    stored = service()
    with store.begin() as work:
        work.services.add(stored)
        work.services.save(replace(stored, url="http://first"))
    with pytest.raises(errors.Conflict), store.begin() as work:
        work.services.save(replace(stored, url="http://second"))
    with store.read() as work:
        found = work.services.get(stored.id)
    assert found is not None
    assert found.url == "http://first"


def test_saving_a_removed_entity_is_refused(store: Store):
    with pytest.raises(errors.Conflict), store.begin() as work:
        work.services.save(service())


def test_a_name_is_taken_within_one_customer_only(store: Store):
    with store.begin() as work:
        work.services.add(service("shop", customer_id="cust_1"))
        work.services.add(service("shop", customer_id="cust_2"))
        work.services.add(service("shop"))
    for customer in ("cust_1", None):
        with pytest.raises(errors.Conflict) as refused, store.begin() as work:
            work.services.add(service("shop", customer_id=customer))
        assert refused.value.code == "name_taken"


def test_renaming_to_a_taken_name_is_refused(store: Store):
    first, second = service("first"), service("second")
    with store.begin() as work:
        work.services.add(first)
        work.services.add(second)
    with pytest.raises(errors.Conflict) as refused, store.begin() as work:
        work.services.save(replace(second, name="first"))
    assert refused.value.code == "name_taken"


def test_a_transaction_can_continue_after_a_refused_change(store: Store):
    with store.begin() as work:
        first, other = service("first"), service("other")
        work.services.add(first)
        work.services.add(other)
        with pytest.raises(errors.Conflict):
            work.services.save(replace(other, name="first"))
        work.services.add(service("second"))
    with store.read() as work:
        assert named(work, "second")


def test_prefixes_of_keys_and_ids_are_unique(store: Store):
    key = api_key("aaaaaaaa")
    with store.begin() as work:
        work.api_keys.add(key)
    with pytest.raises(errors.Conflict, match="prefix"), store.begin() as work:
        work.api_keys.add(api_key("aaaaaaaa"))
    with pytest.raises(errors.Conflict, match="exists already"), store.begin() as work:
        work.api_keys.add(replace(api_key("bbbbbbbb"), id=key.id))


def test_a_deployment_of_a_removed_service_is_refused(store: Store):
    with pytest.raises(errors.Conflict), store.begin() as work:
        work.deployments.add(deployment("svc_gone"))


def test_an_observation_raises_the_revision_only_if_the_status_changes(store: Store):
    stored = service(status=ServiceStatus.RUNNING)
    health, usage = Health("healthy", NOW), Usage(1.0, 2.0, 3.0)
    with store.begin() as work:
        work.services.add(stored)
        work.services.observe(stored.id, ServiceStatus.RUNNING, health, usage)
        assert work.services.get(stored.id) == replace(stored, health=health, usage=usage)
        work.services.observe(stored.id, ServiceStatus.FAILED, health, usage)
        failed = replace(stored, status=ServiceStatus.FAILED, health=health, usage=usage, revision=2)
        assert work.services.get(stored.id) == failed


def test_observations_are_written_only_of_services_that_are_as_they_were_read(store: Store):
    same, changed = service("same", status=ServiceStatus.RUNNING), service("changed", status=ServiceStatus.RUNNING)
    health, usage = Health("healthy", NOW), Usage(1.0, 2.0, 3.0)
    with store.begin() as work:
        work.services.add(same)
        work.services.add(changed)
        read = [replace(found, health=health, usage=usage) for found in (same, changed)]
        work.services.save(changed)
        work.services.observe_unchanged(read)
        work.services.observe_unchanged([])
        assert work.services.get(same.id) == replace(same, health=health, usage=usage)
        assert work.services.get(changed.id) == changed


def test_an_observation_of_a_deploying_service_is_ignored(store: Store):
    stored = service(status=ServiceStatus.DEPLOYING)
    with store.begin() as work:
        work.services.add(stored)
        work.services.observe(stored.id, ServiceStatus.STOPPED, Health("unhealthy"), Usage(1.0))
        assert work.services.get(stored.id) == stored


def test_services_to_observe_should_run_and_have_no_operation_in_progress(store: Store):
    wanted = service("wanted", live_deployment_id="dep_1")
    busy = service("busy", live_deployment_id="dep_2")
    stopped = service("stopped", live_deployment_id="dep_3", wanted=ServiceStatus.STOPPED)
    with store.begin() as work:
        for each in (wanted, busy, stopped, service("never deployed")):
            work.services.add(each)
        work.operations.add(operation(busy.id, status=OperationStatus.RUNNING))
        work.operations.add(operation(wanted.id, status=OperationStatus.SUCCEEDED))
        work.operations.add(operation(wanted.id))
    with store.read() as work:
        assert work.services.wanted_running() == [wanted]


def test_the_previous_success_is_the_newest_deployment_that_was_not_superseded(store: Store):
    owner, other = service("one"), service("two")
    good, better = deployment(owner.id, id="dep_1"), deployment(owner.id, id="dep_2")
    failed = deployment(owner.id, id="dep_3", status="failed")
    coalesced = deployment(owner.id, id="dep_4", superseded_by="dep_2")
    with store.begin() as work:
        work.services.add(owner)
        work.services.add(other)
        for each in (good, better, failed, coalesced, deployment(other.id, id="dep_5")):
            work.deployments.add(each)
    with store.read() as work:
        assert work.deployments.previous_success(owner.id) == better
        assert work.deployments.previous_success(owner.id, before="dep_2") == good
        assert work.deployments.previous_success(owner.id, before="dep_1") is None


def test_deployments_of_an_operation_are_listed_oldest_first(store: Store):
    owner = service()
    second, first = (deployment(owner.id, id=f"dep_{n}", operation_id="op_1") for n in (2, 1))
    with store.begin() as work:
        work.services.add(owner)
        for each in (second, first, deployment(owner.id)):
            work.deployments.add(each)
    with store.read() as work:
        assert work.deployments.of_operation("op_1") == [first, second]


def _lines(deployment_id: str, *numbers: int) -> list[LogLine]:
    return [LogLine(deployment_id, number, NOW, "pulling", f"line {number}", "engine") for number in numbers]


def test_lines_are_read_by_number(store: Store):
    owner = service()
    made = deployment(owner.id)
    with store.begin() as work:
        work.services.add(owner)
        work.deployments.add(made)
        work.deployments.add_lines(_lines(made.id, 3, 1, 2))
        work.deployments.add_lines([])
        with pytest.raises(errors.Conflict):
            work.deployments.add_lines(_lines(made.id, 4, 3))
    with store.read() as work:
        assert work.deployments.lines(made.id, after=1, limit=10) == _lines(made.id, 2, 3)
        assert work.deployments.lines(made.id, after=0, limit=1) == _lines(made.id, 1)


def test_a_line_with_unsupported_characters_is_stored_as_closely_as_possible(store: Store):
    owner = service()
    made = deployment(owner.id)
    with store.begin() as work:
        work.services.add(owner)
        work.deployments.add(made)
        work.deployments.add_lines([LogLine(made.id, 1, NOW, "pulling", "a\0b\ud800c\x1b[31m")])
    with store.read() as work:
        assert work.deployments.lines(made.id, 0, 1)[0].text == "a\N{REPLACEMENT CHARACTER}b?c\x1b[31m"
        assert work.services.get("svc_\0\ud800") is None


def test_deployments_and_lines_are_removed_with_their_service_and_operations_stay(store: Store):
    owner = service()
    made, task = deployment(owner.id), operation(owner.id)
    with store.begin() as work:
        work.services.add(owner)
        work.deployments.add(made)
        work.deployments.add_lines(_lines(made.id, 1))
        work.operations.add(task)
    with store.begin() as work:
        work.services.remove(owner.id)
    with store.read() as work:
        assert work.services.get(owner.id) is None
        assert work.deployments.get(made.id) is None
        assert work.deployments.lines(made.id, 0, 10) == []
        assert work.operations.get(task.id) == task


def test_the_deployments_of_one_service_can_be_removed_alone(store: Store):
    one, two = service("one"), service("two")
    gone, left = deployment(one.id), deployment(two.id)
    with store.begin() as work:
        work.services.add(one)
        work.services.add(two)
        work.deployments.add(gone)
        work.deployments.add(left)
        work.deployments.remove_of(one.id)
    with store.read() as work:
        assert work.deployments.get(gone.id) is None
        assert work.deployments.get(left.id) == left


def test_a_key_is_found_by_prefix_and_counts_its_requests(store: Store):
    key = api_key("abcd1234", role=Role.ADMIN)
    with store.begin() as work:
        assert not work.api_keys.any()
        work.api_keys.add(key)
        assert work.api_keys.any()
        work.api_keys.record_use(key.id, after(seconds=5), "10.0.0.1", 3)
        work.api_keys.record_use(key.id, after(seconds=9), "10.0.0.2", 4)
    with store.read() as work:
        used = replace(key, request_count=7, last_used_at=after(seconds=9), last_used_ip="10.0.0.2")
        assert work.api_keys.by_prefix("abcd1234") == used


def test_enums_are_read_as_members(store: Store):
    stored = service()
    with store.begin() as work:
        work.services.add(stored)
        found = work.services.get(stored.id)
    assert found is not None
    assert found.deploy_method is DeployMethod.COMPOSE
