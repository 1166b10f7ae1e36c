"""What a customer uses: as the engine counts it, and compared with its plan."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from domain import customers, services
from domain.adapters import memory
from domain.customers.usage import QuotaUsage
from domain.errors import NotFound, QuotaExceeded
from domain.model.customer import Customer
from domain.model.plan import Features, Plan, PlanKind, Quotas
from domain.model.subscription import Subscription
from domain.model.traffic import month_of
from domain.ports import Ports
from domain.rollout.reconcile import observer
from domain.rollout.reconcile.observer import ObserverState
from tests.flow import CALLER, Flow, fresh

MIB = 2**20
CUSTOMER = "cust_1"
BODY: Any = {"name": "web", "deploy_method": "image", "image": "busy:1", "port": 8080, "customer_id": CUSTOMER}


@pytest.fixture
def flow(ports: Ports) -> Flow:
    """A customer with two services, 100 MiB of traffic and nothing else that is limited."""
    flow, now = fresh(ports), ports.clock.now()
    quotas = Quotas(services=2, bandwidth_mb_per_month=100)
    with ports.store.begin() as work:
        work.plans.add(
            Plan("plan_1", "Small", PlanKind.CUSTOMER, now, now, quotas=quotas, features=Features(compose_deploy=True))
        )
        work.customers.add(Customer(CUSTOMER, "Acme", now, now))
        work.subscriptions.add(Subscription("sub_1", "plan_1", now, now, customer_id=CUSTOMER))
    flow.runtime.images["busy:1"] = memory.Behaviour(ports=(8080,))
    return flow


@pytest.fixture
def state() -> Iterator[ObserverState]:
    state = ObserverState()
    yield state
    state.close()


def _set_traffic(flow: Flow, total: int) -> None:
    """Set what the engine has counted for the containers since their start."""
    for fake in flow.runtime.fakes.values():
        fake.traffic = total


def _observe(flow: Flow, state: ObserverState, seconds: float = 20) -> None:
    for _ in range(int(seconds / 2)):
        observer.observe(flow.ports, state)
        flow.ports.clock.sleep(2)


def _run(flow: Flow) -> str:
    created = services.create_service(flow.ports, CALLER, BODY).result
    flow.work()
    return created.service.id


def _used(flow: Flow) -> float:
    return customers.get_customer_usage(flow.ports, CALLER, CUSTOMER).bandwidth_mb_per_month.used


def test_usage_has_each_quota_with_its_limit_and_percentage(flow: Flow) -> None:
    _run(flow)
    usage = customers.get_customer_usage(flow.ports, CALLER, CUSTOMER)
    assert (usage.services.used, usage.services.limit, usage.services.percent) == (1, 2, 50.0)
    assert (usage.cpu.used, usage.cpu.limit, usage.cpu.percent) == (0.5, None, None)
    assert (usage.memory_mb.used, usage.storage_mb.used) == (512, 0)
    assert usage.month == month_of(flow.ports.clock.now())
    with pytest.raises(NotFound):
        customers.get_customer_usage(flow.ports, CALLER, "cust_unknown")


@pytest.mark.parametrize(("used", "limit", "percent"), [(3, 2, 150.0), (1, 3, 33.3), (0, 0, 100.0), (5, None, None)])
def test_the_percentage_of_a_quota(used: float, limit: float | None, percent: float | None) -> None:
    assert QuotaUsage(used, limit).percent == percent


def test_traffic_is_counted_over_restarts_of_panel_and_containers(flow: Flow, state: ObserverState) -> None:
    service_id = _run(flow)
    _set_traffic(flow, 10 * MIB)
    _observe(flow, state)
    assert _used(flow) == 10
    _set_traffic(flow, 30 * MIB)
    restarted = ObserverState()
    _observe(flow, restarted)
    restarted.close()
    assert _used(flow) == 30, "what was transferred while no panel ran counts too"
    flow.restart(service_id)
    flow.work()
    _set_traffic(flow, 5 * MIB)
    _observe(flow, state)
    assert _used(flow) == 35


def test_traffic_begins_at_zero_in_each_month(flow: Flow, state: ObserverState) -> None:
    _run(flow)
    _set_traffic(flow, 10 * MIB)
    _observe(flow, state)
    flow.ports.clock.sleep(timedelta(days=32).total_seconds())
    assert _used(flow) == 0


def test_a_customer_whose_traffic_is_used_up_keeps_what_runs_and_gets_nothing_more(
    flow: Flow, state: ObserverState
) -> None:
    _run(flow)
    _set_traffic(flow, 100 * MIB)
    _observe(flow, state)
    with pytest.raises(QuotaExceeded) as refused:
        services.create_service(flow.ports, CALLER, {**BODY, "name": "other"})
    assert refused.value.excess == {"quota": "bandwidth_mb_per_month", "limit": 100, "used": 100, "asked": 0}
    flow.ports.clock.sleep(timedelta(days=32).total_seconds())
    assert services.create_service(flow.ports, CALLER, {**BODY, "name": "other"}).result.service.name == "other"
