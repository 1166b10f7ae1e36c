"""How much of the past is kept."""

from dataclasses import replace

import pytest

from domain.adapters import memory
from domain.model.deployment import Deployment
from domain.ports import Ports
from domain.ports.repository import Query
from domain.rollout import history
from tests.flow import Flow, fresh

KEPT = 3


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(replace(ports, settings=replace(ports.settings, kept_deployments=KEPT)))


def _ids(flow: Flow, service_id: str) -> list[str]:
    with flow.ports.store.read() as work:
        found = work.deployments.page(Query(filters={"service_id": service_id}, per_page=100))
    return [deployment.id for deployment in found.items]


def _line_count(flow: Flow, deployment: Deployment) -> int:
    with flow.ports.store.read() as work:
        return len(work.deployments.lines(deployment.id, 0, 1000))


def test_the_newest_deployments_stay_and_older_ones_go_with_their_logs(flow: Flow):
    service_id = flow.running()
    first = flow.newest(service_id)
    made = [flow.redeploy(service_id).id for _ in range(6)]
    other = flow.running()
    assert _line_count(flow, first) > 0
    assert history.remove_old_deployments(flow.ports) == 4
    assert _ids(flow, service_id) == made[-1:-4:-1]
    assert _line_count(flow, first) == 0
    assert len(_ids(flow, other)) == 1
    assert history.remove_old_deployments(flow.ports) == 0


def test_the_live_deployment_and_the_one_of_a_rollback_stay_however_many_failed_since(flow: Flow):
    service_id = flow.running()
    earlier, live = flow.newest(service_id).id, flow.redeploy(service_id).id
    flow.runtime.images["web:bad"] = memory.Behaviour(exists=False)
    failed = [flow.redeploy(service_id, image="web:bad").id for _ in range(6)]
    history.remove_old_deployments(flow.ports)
    assert _ids(flow, service_id) == [*failed[-1:-4:-1], live, earlier]
    assert history.remove_old_deployments(flow.ports) == 0
    assert flow.service(service_id).live_deployment_id == live


def test_deployments_that_have_not_ended_stay(flow: Flow):
    service_id = flow.running()
    for _ in range(5):
        flow.deploy(service_id)
    before = _ids(flow, service_id)
    history.remove_old_deployments(flow.ports)
    assert _ids(flow, service_id) == before


def test_operations_go_30_days_after_their_end(flow: Flow):
    clock = memory.Clock(flow.ports.clock.now())
    flow = fresh(replace(flow.ports, clock=clock))
    service_id = flow.running()
    ended = flow.last(service_id).id
    clock.sleep(29 * 86_400)
    queued = flow.stop(service_id)
    assert history.remove_old_operations(flow.ports) == 0
    clock.sleep(31 * 86_400)
    assert history.remove_old_operations(flow.ports) == 1
    with flow.ports.store.read() as work:
        assert work.operations.get(ended) is None
        assert work.operations.get(queued)


def test_the_operations_of_a_service_go_with_it_except_its_deletion(flow: Flow):
    service_id = flow.running()
    flow.redeploy(service_id)
    flow.ports.clock.sleep(1)
    deletion = flow.delete(service_id)
    flow.work()
    with flow.ports.store.read() as work:
        left = work.operations.page(Query(filters={"resource_id": service_id})).items
    assert [operation.id for operation in left] == [deletion]
