"""Expiry of subscriptions: at the right second, also after downtime, and only while the expiry stands."""

from datetime import timedelta

import pytest

from domain import subscriptions
from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.organization import Organization
from domain.model.plan import Plan, PlanKind
from domain.model.subscription import Subscription, SubscriptionStatus
from domain.ports import Ports
from domain.subscriptions.changes import SubscriptionCreate
from domain.tasks.periodic import JOBS
from domain.work.schedules import add_schedules, run_due_jobs


@pytest.fixture
def subscription(ports: Ports, admin: Caller) -> Subscription:
    """A subscription that expires in ten seconds."""
    now = ports.clock.now()
    add_schedules(ports, JOBS)
    with ports.store.begin() as work:
        work.plans.add(Plan("plan_1", "Group", PlanKind.RESOURCE, now, now))
        work.organizations.add(Organization("org_1", "Acme", now, now))
    body: SubscriptionCreate = {
        "plan_id": "plan_1",
        "organization_id": "org_1",
        "expires_at": (now + timedelta(seconds=10)).isoformat(),
    }
    return subscriptions.create_subscription(ports, admin, body).result


def _status_after(ports: Ports, admin: Caller, seconds: float) -> SubscriptionStatus:
    """Return the status after a time in which no worker ran, and a run of the jobs that are due then."""
    ports.clock.sleep(seconds)
    run_due_jobs(ports, JOBS, "worker-1")
    (row,) = subscriptions.list_subscriptions(ports, admin).items
    return row.status


def test_a_subscription_expires_at_its_second_and_not_before(
    ports: Ports, admin: Caller, subscription: Subscription
) -> None:
    assert _status_after(ports, admin, 9) is SubscriptionStatus.ACTIVE
    assert _status_after(ports, admin, 1) is SubscriptionStatus.EXPIRED
    expired = subscriptions.get_subscription(ports, admin, subscription.id)
    assert [change.actor_id for change in expired.transitions] == [admin.id, None]


def test_a_subscription_that_expired_while_no_worker_ran_is_expired_by_the_next_one(
    ports: Ports, admin: Caller, subscription: Subscription
) -> None:
    assert subscription.status is SubscriptionStatus.ACTIVE
    assert _status_after(ports, admin, 9000) is SubscriptionStatus.EXPIRED


def test_a_later_or_no_expiry_stands_in_the_place_of_the_earlier(
    ports: Ports, admin: Caller, subscription: Subscription
) -> None:
    later = (ports.clock.now() + timedelta(seconds=20)).isoformat()
    subscriptions.update_subscription(ports, admin, subscription.id, {"expires_at": later})
    assert _status_after(ports, admin, 15) is SubscriptionStatus.ACTIVE
    subscriptions.update_subscription(ports, admin, subscription.id, {"expires_at": None})
    assert _status_after(ports, admin, 100) is SubscriptionStatus.ACTIVE


def test_an_earlier_expiry_brings_the_job_forward(ports: Ports, admin: Caller, subscription: Subscription) -> None:
    run_due_jobs(ports, JOBS, "worker-1")
    sooner = (ports.clock.now() + timedelta(seconds=2)).isoformat()
    subscriptions.update_subscription(ports, admin, subscription.id, {"expires_at": sooner})
    assert _status_after(ports, admin, 2) is SubscriptionStatus.EXPIRED


def test_a_subscription_is_resumed_only_after_its_expiry_has_moved(
    ports: Ports, admin: Caller, subscription: Subscription
) -> None:
    assert _status_after(ports, admin, 10) is SubscriptionStatus.EXPIRED
    with pytest.raises(Conflict, match="its expiry has passed"):
        subscriptions.resume_subscription(ports, admin, subscription.id)
    subscriptions.update_subscription(ports, admin, subscription.id, {"expires_at": None})
    resumed = subscriptions.resume_subscription(ports, admin, subscription.id)
    assert resumed.status is SubscriptionStatus.ACTIVE
