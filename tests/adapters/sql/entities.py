"""Valid entities to store. A test passes only the fields that it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.model.api_key import ApiKey
from domain.model.customer import Customer
from domain.model.definition import Definition
from domain.model.deployment import Deployment, DeploymentStatus, Trigger
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation
from domain.model.organization import Organization
from domain.model.plan import Plan, PlanKind
from domain.model.role import Role
from domain.model.service import DeployMethod, Service, ServiceStatus
from domain.model.session import Session
from domain.model.subscription import Subscription
from domain.model.ticket import Ticket
from domain.ports.repository import Query
from domain.ports.store import Work

NOW = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)


def after(**length: float) -> datetime:
    """Return a time after NOW."""
    return NOW + timedelta(**length)


def service(name: str = "shop", **fields: object) -> Service:
    """Return a service."""
    known = Service(
        id=new_id("svc"),
        name=name,
        deploy_method=DeployMethod.COMPOSE,
        definition=Definition(compose="services: {}"),
        created_at=NOW,
        updated_at=NOW,
        status=ServiceStatus.STOPPED,
    )
    return replace(known, **fields)


def named(work: Work, name: str) -> list[Service]:
    """Return the services with exactly this name."""
    return [service for service in work.services.page(Query(search=name)).items if service.name == name]


def deployment(service_id: str, **fields: object) -> Deployment:
    """Return a deployment of a service."""
    known = Deployment(
        id=new_id("dep"),
        service_id=service_id,
        operation_id=new_id("op"),
        trigger=Trigger.DEPLOY,
        definition=Definition(compose="services: {}"),
        created_at=NOW,
        status=DeploymentStatus.SUCCEEDED,
    )
    return replace(known, **fields)


def operation(service_id: str = "svc_1", **fields: object) -> Operation:
    """Return a queued operation."""
    known = Operation(
        id=new_id("op"),
        kind=Kind.DEPLOY,
        resource_type="service",
        resource_id=service_id,
        lock_key=service_id,
        created_at=NOW,
    )
    return replace(known, **fields)


def api_key(prefix: str = "abcdefgh", **fields: object) -> ApiKey:
    """Return an API key."""
    known = ApiKey(id=new_id("key"), name="ci", prefix=prefix, digest="d", role=Role.OPERATOR, created_at=NOW)
    return replace(known, **fields)


def session(api_key_id: str | None, **fields: object) -> Session:
    """Return a session created at NOW."""
    known = Session(
        id=new_id("ses"),
        digest=new_id("digest"),
        api_key_id=api_key_id,
        api_key_digest="d",
        created_at=NOW,
        last_seen_at=NOW,
        expires_at=after(hours=12),
        device="Firefox",
        ip="192.0.2.7",
    )
    return replace(known, **fields)


def ticket(api_key_id: str | None, digest: str, **fields: object) -> Ticket:
    """Return a ticket created at NOW."""
    return replace(Ticket(digest, api_key_id, "d", after(seconds=30)), **fields)


def customer(name: str = "Acme", **fields: object) -> Customer:
    """Return a customer."""
    return replace(Customer(id=new_id("cust"), name=name, created_at=NOW, updated_at=NOW), **fields)


def organization(name: str = "Holding", **fields: object) -> Organization:
    """Return an organization."""
    return replace(Organization(id=new_id("org"), name=name, created_at=NOW, updated_at=NOW), **fields)


def plan(name: str = "Basic", **fields: object) -> Plan:
    """Return a plan for customers, without limits and features."""
    known = Plan(id=new_id("plan"), name=name, kind=PlanKind.CUSTOMER, created_at=NOW, updated_at=NOW)
    return replace(known, **fields)


def subscription(plan_id: str, **fields: object) -> Subscription:
    """Return an active subscription; pass the ID of its owner."""
    known = Subscription(id=new_id("sub"), plan_id=plan_id, created_at=NOW, updated_at=NOW)
    return replace(known, **fields)
