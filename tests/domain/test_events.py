"""Events: who may see them, by which topics, and how long they are kept."""

from dataclasses import replace
from datetime import timedelta

from domain import access, events
from domain.access import Caller
from domain.adapters import twins
from domain.model import Event, EventType, Role
from domain.ports import Ports
from tests.adapters.sql.entities import service

DATA = {"service_id": "svc_1", "deployment_id": "dep_1", "operation_id": "op_1", "status": "pulling"}


def _event(ports: Ports, kind: EventType = EventType.DEPLOY_PROGRESS, customer_id: str | None = None) -> Event:
    return Event(1, "evt_1", kind, ports.clock.now(), "deployment:dep_1", DATA, customer_id)


def test_an_event_is_found_under_everything_that_it_names(ports: Ports):
    assert events.topics(_event(ports)) == ("service:svc_1", "deployment:dep_1", "operation:op_1")


def test_every_type_of_event_needs_a_permission_that_roles_have(ports: Ports, admin: Caller):
    for kind in EventType:
        assert events.may_see(admin, _event(ports, kind))
        needed = {permission for permission in access.PERMISSIONS[Role.ADMIN] if permission.endswith(".read")}
        blind = replace(admin, permissions=admin.permissions - needed)
        assert not events.may_see(blind, _event(ports, kind))


def test_a_customers_events_are_for_it_and_for_those_who_belong_to_none(
    ports: Ports, admin: Caller, customer_a: Caller, customer_b: Caller
):
    event = _event(ports, customer_id=customer_a.customer_id)
    assert [events.may_see(caller, event) for caller in (admin, customer_a, customer_b)] == [True, True, False]


def test_events_are_kept_for_seven_days_and_the_newest_for_ever(ports: Ports):
    for name in ("one", "two"):
        with ports.store.begin() as work:
            work.services.add(service(name))
    with ports.store.read() as work:
        told = work.events.after(0, 10)[-1].at
    week = timedelta(days=7)
    for later, forgotten in ((week - timedelta(minutes=1), 0), (week + timedelta(minutes=1), 1), (week * 2, 0)):
        assert events.forget_old(replace(ports, clock=twins.Clock(told + later))) == forgotten
