"""Parallel requests: names stay unique, queues and deletions are shared, and no change is lost."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from domain import deployments, environment, operations, services
from domain.errors import Refusal
from domain.identity.access import Caller
from domain.model.operation import Kind, Operation, OperationStatus
from domain.ports import Ports
from domain.ports.repository import Query

AT_ONCE = 8


def _all_at_once(act: Callable[[int], Any]) -> list[Any]:
    """What each of the parallel calls answered, or the code of its refusal."""
    ready = Barrier(AT_ONCE)

    def called(number: int) -> Any:
        ready.wait()
        try:
            return act(number)
        except Refusal as refused:
            return refused.code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(called, range(AT_ONCE)))


def _created(ports: Ports, caller: Caller, name: str = "web") -> str:
    body = {"name": name, "deploy_method": "image", "image": "a"}
    return services.create_service(ports, caller, body).result.service.id


def _operations(ports: Ports, **filters: object) -> list[Operation]:
    with ports.store.read() as work:
        return work.operations.page(Query(filters, per_page=100)).items


def test_one_of_many_parallel_requests_gets_a_name(ports: Ports, admin: Caller) -> None:
    answers = _all_at_once(lambda _: _created(ports, admin))
    assert answers.count("name_taken") == AT_ONCE - 1
    assert services.list_services(ports, admin).total == len(_operations(ports)) == 1


def test_one_of_many_parallel_renames_gets_a_name(ports: Ports, admin: Caller) -> None:
    ids = [_created(ports, admin, f"web-{number}") for number in range(AT_ONCE)]
    answers = _all_at_once(lambda number: services.update_service(ports, admin, ids[number], {"name": "won"}))
    assert answers.count("name_taken") == AT_ONCE - 1


def test_one_of_many_changes_of_one_revision_is_made(ports: Ports, admin: Caller) -> None:
    service_id = _created(ports, admin)
    tag = f'"{services.get_service(ports, admin, service_id).service.revision}"'
    answers = _all_at_once(
        lambda number: services.update_service(ports, admin, service_id, {"labels": {f"l{number}": "x"}}, if_match=tag)
    )
    assert answers.count("stale") == AT_ONCE - 1
    assert len(services.get_service(ports, admin, service_id).service.labels) == 1


def test_no_parallel_change_is_lost(ports: Ports, admin: Caller) -> None:
    service_id = _created(ports, admin)
    _all_at_once(
        lambda number: environment.update_environment(ports, admin, service_id, {"variables": {f"V{number}": "x"}})
    )
    kept = environment.get_environment(ports, admin, service_id).service
    assert len(kept.definition.variables) == AT_ONCE
    assert kept.environment_revision == AT_ONCE + 1


def test_parallel_deployments_share_one_operation(ports: Ports, admin: Caller) -> None:
    service_id = _created(ports, admin)
    answers = _all_at_once(lambda _: deployments.deploy_service(ports, admin, service_id))
    assert len({outcome.result.deployment.id for outcome in answers}) == AT_ONCE
    assert len(_operations(ports)) == 1
    carried = deployments.list_deployments(ports, admin, per_page=100).items
    assert Counter(one.superseded_by for one in carried)[None] == 1


def test_parallel_deletions_share_one_operation(ports: Ports, admin: Caller) -> None:
    service_id = _created(ports, admin)
    answers = _all_at_once(lambda _: services.delete_service(ports, admin, service_id))
    assert len({outcome.result.id for outcome in answers}) == 1
    assert len(_operations(ports, kind=Kind.DELETE)) == 1


def test_a_queued_operation_is_either_claimed_or_cancelled(ports: Ports, admin: Caller) -> None:
    operation_id = _operations(ports, resource_id=_created(ports, admin))[0].id
    now = ports.clock.now()

    def either(number: int) -> Operation | None:
        if number % 2:
            return operations.cancel_operation(ports, admin, operation_id)
        with ports.store.begin() as work:
            return work.operations.claim("worker", now, now + timedelta(minutes=1))

    answers = _all_at_once(either)
    begun = [answer for answer in answers if isinstance(answer, Operation) and answer.lease_owner]
    ended = operations.get_operation(ports, admin, operation_id)
    if begun:
        assert (ended.status, ended.cancel_requested) == (OperationStatus.RUNNING, True)
    else:
        assert ended.status is OperationStatus.CANCELLED
        assert answers.count("already_ended") == AT_ONCE // 2 - 1


def test_a_change_is_made_before_a_deletion_or_refused(ports: Ports, admin: Caller) -> None:
    service_id = _created(ports, admin)

    def act(number: int) -> object:
        if number == 0:
            return services.delete_service(ports, admin, service_id)
        return services.update_service(ports, admin, service_id, {"deploy_timeout": number})

    answers = _all_at_once(act)
    with ports.store.read() as work:
        assert [one.kind for one in work.operations.unfinished(service_id)] == [Kind.DELETE]
    assert all(answer == "wrong_state" for answer in answers if isinstance(answer, str))
