"""CPU time of `create_service` with and without quotas, in this process and on a SQLite database.

Rounds alternate between a customer without a plan and one whose plan has every quota.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import click

from domain import api_keys, services
from domain.identity import tokens, validity
from domain.identity.access import Caller
from domain.model.customer import Customer
from domain.model.plan import Features, Plan, PlanKind, Quotas
from domain.model.role import Role
from domain.model.subscription import Subscription
from domain.ports import Ports
from domain.settings import Settings
from handlers.program import wiring

BODY = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}
FREE, LIMITED = "cust_free", "cust_limited"


@contextmanager
def _open_ports() -> Iterator[Ports]:
    with tempfile.TemporaryDirectory() as folder:
        ports = wiring.open_ports(Settings(data_dir=Path(folder), runtime="memory"))
        yield ports
        ports.notifier.close()
        ports.store.close()


def _add_tenants(ports: Ports) -> None:
    now, many = ports.clock.now(), 10**6
    quotas = Quotas(many, many, many, many, many)
    plan = Plan("plan_1", "Bench", PlanKind.CUSTOMER, now, now, quotas=quotas, features=Features(compose_deploy=True))
    with ports.store.begin() as work:
        work.plans.add(plan)
        for customer_id in (FREE, LIMITED):
            work.customers.add(Customer(customer_id, customer_id, now, now))
        work.subscriptions.add(Subscription("sub_1", "plan_1", now, now, customer_id=LIMITED))


def _admin(ports: Ports) -> Caller:
    text = api_keys.create_unbounded_key(ports, "bench", Role.ADMIN)
    with ports.store.read() as work:
        key = work.api_keys.by_prefix(tokens.prefix_of(text) or "")
    assert key
    return validity.caller_for(key)


def _create(ports: Ports, admin: Caller, customer_id: str, names: range) -> float:
    """Create services and return the CPU time of each, in milliseconds."""
    begin = time.process_time()
    for number in names:
        body: Any = {**BODY, "name": f"web-{number}", "customer_id": customer_id}
        services.create_service(ports, admin, body)
    return 1000 * (time.process_time() - begin) / len(names)


@click.command(help=__doc__)
@click.option("--rounds", default=20, show_default=True)
@click.option("--services", "number", default=20, show_default=True, help="Services that a round creates.")
def main(rounds: int, number: int) -> None:
    with _open_ports() as ports:
        _add_tenants(ports)
        admin = _admin(ports)
        taken: dict[str, list[float]] = {FREE: [], LIMITED: []}
        for round_number in range(rounds + 1):
            for customer_id, times in taken.items():
                times.append(
                    _create(ports, admin, customer_id, range(round_number * number, (round_number + 1) * number))
                )
        free, limited = (median(times[1:]) for times in taken.values())
        click.echo(f"create_service without a plan  {free:.2f} ms of CPU")
        click.echo(f"create_service with all quotas {limited:.2f} ms of CPU, {100 * (limited / free - 1):+.0f} %")


if __name__ == "__main__":
    main()
