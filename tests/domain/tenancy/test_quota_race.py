"""Fifty parallel creations by two processes: a quota holds, and the others are refused with the numbers."""

import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from domain import services
from domain.errors import Refusal
from domain.model.customer import Customer
from domain.model.organization import Organization
from domain.model.plan import Features, Plan, PlanKind, Quotas
from domain.model.subscription import Subscription
from domain.settings import Settings
from tests import fake_ports
from tests.adapters.sql.conftest import postgres_url, sqlite_url, url  # noqa: F401
from tests.flow import CALLER

_AT_ONCE, _LIMIT = 25, 7
_CUSTOMERS = ("cust_1", "cust_2")


def _settings(folder: str, database_url: str) -> Settings:
    return Settings(data_dir=Path(folder), database_url=database_url, runtime="memory")


def _create_all(folder: str, database_url: str, customer_id: str) -> list[str]:
    """Create 25 services at once in this process; return the code of each refusal, and `created` for the others."""
    barrier = Barrier(_AT_ONCE)
    with fake_ports.open_ports(_settings(folder, database_url)) as ports, ThreadPoolExecutor(_AT_ONCE) as pool:

        def create(number: int) -> str:
            name = f"{customer_id[5:]}-{number}-{os.getpid()}"
            body: Any = {
                "name": name,
                "deploy_method": "image",
                "image": "web:1",
                "port": 80,
                "customer_id": customer_id,
            }
            barrier.wait(60)
            try:
                services.create_service(ports, CALLER, body)
            except Refusal as refusal:
                return refusal.code
            return "created"

        return list(pool.map(create, range(_AT_ONCE)))


@pytest.mark.parametrize("owner", ["customer", "organization"])
def test_fifty_parallel_creations_by_two_processes_never_exceed_a_quota(
    tmp_path: Path,
    url: str,  # noqa: F811
    owner: str,
) -> None:
    with fake_ports.open_ports(_settings(str(tmp_path), url)) as ports:
        now = ports.clock.now()
        kind = PlanKind.CUSTOMER if owner == "customer" else PlanKind.RESOURCE
        features = Features(compose_deploy=True)
        owners = ("cust_1", "cust_1") if owner == "customer" else _CUSTOMERS
        with ports.store.begin() as work:
            work.organizations.add(Organization("org_1", "Group", now, now))
            work.plans.add(Plan("plan_1", "P", kind, now, now, quotas=Quotas(services=_LIMIT), features=features))
            for customer_id in _CUSTOMERS:
                work.customers.add(Customer(customer_id, "C", now, now, organization_id="org_1"))
            subscribed = {"customer_id": "cust_1"} if owner == "customer" else {"organization_id": "org_1"}
            work.subscriptions.add(Subscription("sub_1", "plan_1", now, now, **subscribed))
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=spawn) as pool:
            urls = [(str(tmp_path), url, customer_id) for customer_id in owners]
            codes = Counter(code for found in pool.map(_create_all, *zip(*urls, strict=True)) for code in found)
        assert codes == {"created": _LIMIT, "quota_exceeded": 2 * _AT_ONCE - _LIMIT}
