"""Customers, organizations, plans and subscriptions: stored in full, unique where they must be, removed together."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from domain import errors
from domain.adapters.sql.engines import connect
from domain.adapters.sql.store import open_store
from domain.model.customer import Customer, TenantStatus
from domain.model.plan import DefaultSize, Features, Plan, PlanKind, Quotas
from domain.model.subscription import Subscription, SubscriptionStatus, Transition
from domain.ports.repository import Query
from domain.ports.store import Store
from domain.ports.vault import Vault
from tests.adapters.sql.entities import NOW, after, customer, organization, plan, subscription


@pytest.fixture
def owner(store: Store) -> Customer:
    """A stored customer."""
    known = customer()
    with store.begin() as work:
        work.customers.add(known)
    return known


@pytest.fixture
def offer(store: Store) -> Plan:
    """A stored plan."""
    known = plan()
    with store.begin() as work:
        work.plans.add(known)
    return known


def test_tenants_and_their_plans_are_read_as_they_were_stored(store: Store):
    group = organization(contact_email="it@example.com", notes="näß ☃", status=TenantStatus.SUSPENDED)
    member = customer(contact_email="a@example.com", organization_id=group.id, notes="staff only")
    offered = plan(
        kind=PlanKind.RESOURCE,
        description="A plan.",
        quotas=Quotas(services=3, cpu=0.5, memory_mb=0, storage_mb=None, bandwidth_mb_per_month=7),
        features=Features(template_deploy=True, api_access=True),
        default_size=DefaultSize(cpu=0.1, memory_mb=32, volume_mb=10),
        sort_order=7,
    )
    transitions = (Transition(SubscriptionStatus.SUSPENDED, NOW, "key_1"), Transition(SubscriptionStatus.ACTIVE, NOW))
    subscribed = subscription(
        offered.id,
        organization_id=group.id,
        expires_at=after(days=30),
        external_id="bill-7",
        metadata={"region": "eu"},
        transitions=transitions,
    )
    with store.begin() as work:
        work.organizations.add(group)
        work.customers.add(member)
        work.plans.add(offered)
        work.subscriptions.add(subscribed)
    with store.read() as work:
        assert work.organizations.get(group.id) == group
        assert work.customers.get(member.id) == member
        assert work.plans.get(offered.id) == offered
        assert work.subscriptions.get(subscribed.id) == subscribed


def test_an_owner_has_at_most_one_active_subscription(store: Store, owner: Customer, offer: Plan):
    first = subscription(offer.id, customer_id=owner.id)
    with store.begin() as work:
        work.subscriptions.add(first)
    with pytest.raises(errors.Conflict) as refused, store.begin() as work:
        work.subscriptions.add(subscription(offer.id, customer_id=owner.id))
    assert refused.value.code == "already_subscribed"
    with store.begin() as work:
        work.subscriptions.save(replace(first, status=SubscriptionStatus.EXPIRED))
        work.subscriptions.add(subscription(offer.id, customer_id=owner.id))


@pytest.mark.parametrize("owners", [{}, {"customer_id": "cust_1", "organization_id": "org_1"}])
def test_a_subscription_has_exactly_one_owner(store: Store, offer: Plan, owners: dict[str, str]):
    with store.begin() as work:
        work.customers.add(customer(id="cust_1"))
        work.organizations.add(organization(id="org_1"))
    with pytest.raises(errors.Conflict), store.begin() as work:
        work.subscriptions.add(subscription(offer.id, **owners))


def test_a_plan_with_subscriptions_cannot_be_removed_and_a_customer_takes_its_own_along(
    store: Store, owner: Customer, offer: Plan
):
    subscribed = subscription(offer.id, customer_id=owner.id)
    with store.begin() as work:
        work.subscriptions.add(subscribed)
    with pytest.raises(errors.Conflict), store.begin() as work:
        work.plans.remove(offer.id)
    with store.begin() as work:
        work.customers.remove(owner.id)
        assert work.subscriptions.get(subscribed.id) is None
        work.plans.remove(offer.id)
        assert work.plans.get(offer.id) is None


def test_names_of_plans_are_unique(store: Store, offer: Plan):
    with pytest.raises(errors.Conflict) as refused, store.begin() as work:
        work.plans.add(plan(offer.name))
    assert refused.value.code == "name_taken"


def test_a_new_database_has_three_plans_and_a_deleted_one_does_not_return(
    store: Store, open_again: Callable[[], Store]
):
    first = store.instance
    with store.begin() as work:
        plans = work.plans.page(Query(sort="sort_order", descending=False)).items
        work.plans.remove(plans[0].id)
    names = {offered.name: (offered.kind, offered.quotas) for offered in plans}
    assert list(names) == ["Starter", "Pro", "Enterprise"]
    assert names["Starter"] == (PlanKind.CUSTOMER, Quotas(3, 2.0, 4096, 20480, 102400))
    assert names["Pro"] == (PlanKind.CUSTOMER, Quotas(10, 8.0, 16384, 102400, 1048576))
    assert names["Enterprise"] == (PlanKind.CUSTOMER, Quotas())
    assert plans[0].features == Features(template_deploy=True, notifications=True, api_access=True)
    assert plans[1].features == plans[2].features == Features(*[True] * 8)
    again = open_again()
    assert again.instance == first
    with again.read() as work:
        assert [offered.name for offered in work.plans.page(Query(sort="sort_order", descending=False)).items] == [
            "Pro",
            "Enterprise",
        ]


def test_an_upgrade_makes_a_customer_for_every_known_id(url: str, vault: Vault):
    """Until then customers were IDs alone, at services, API keys and users."""
    engines = connect(url)
    with engines.write.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "domain.adapters.sql:migrations")
        command.upgrade(config, "0007")
        connection.execute(
            text(
                "INSERT INTO users (id, name, email, subject, role, created_at, customer_id, denied_permissions,"
                " allowed_ips, enabled, revision)"
                " VALUES ('usr_1', 'a', 'a@example.com', 's1', 'customer', '2026-01-01 00:00:00', 'cust_old', '[]',"
                " '[]', :enabled, 1), ('usr_2', 'b', 'b@example.com', 's2', 'admin', '2026-01-01 00:00:00', NULL, '[]',"
                " '[]', :enabled, 1)"
            ),
            {"enabled": True},
        )
    engines.close()
    store = open_store(url, vault)
    with store.read() as work:
        (known,) = work.customers.page(Query()).items
        assert (known.id, known.name, known.status) == ("cust_old", "cust_old", TenantStatus.ACTIVE)
        assert known.organization_id is None
        assert work.subscriptions.page(Query()).total == 0
    store.close()


def test_a_subscription_has_expired_at_the_moment_of_its_expiry():
    known = Subscription("sub_1", "plan_1", NOW, NOW, customer_id="cust_1", expires_at=after(seconds=1))
    assert known.status_at(NOW) is SubscriptionStatus.ACTIVE
    assert known.status_at(after(seconds=1)) is SubscriptionStatus.EXPIRED
    assert replace(known, expires_at=None).status_at(after(days=9000)) is SubscriptionStatus.ACTIVE
