"""Create a customer: its account at the identity provider, the welcome mail, and last its rows, all or nothing.

Each step can be done again: a worker that takes over finds the account by the user's ID. Only a mail can arrive twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.model.customer import Customer
from domain.model.operation import Kind, Operation
from domain.model.role import Role
from domain.model.subscription import Subscription, SubscriptionStatus, Transition
from domain.model.user import User
from domain.ports import Ports
from domain.ports.identity_provider import Account
from domain.ports.mailer import MailRefused, Message
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.rollout import retry_while_unavailable
from domain.subscriptions.changes import add_subscription, get_fitting_plan
from domain.tasks.accounts import PATIENCE, account_removed_on_failure, create_account
from domain.tasks.service_task import limit_attempts
from domain.work.failures import TaskFailed
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {
    "creating_account": StepRule(10),
    "sending_mail": StepRule(50),
    "writing": StepRule(90, irreversible=True),
}


@dataclass(frozen=True)
class _Order:
    """What is to be created, as the request has put it into the operation."""

    customer_id: str
    name: str
    email: str
    contact_name: str
    plan_id: str
    subscription_id: str
    user_id: str
    organization_id: str | None
    notes: str

    @property
    def account(self) -> Account:
        """The account of the customer's first user, its owner."""
        return Account(self.user_id, self.email, self.contact_name, Role.CUSTOMER, self.customer_id)

    def customer(self, now: datetime) -> Customer:
        return Customer(
            self.customer_id,
            self.name,
            now,
            now,
            contact_email=self.email,
            organization_id=self.organization_id,
            notes=self.notes,
        )

    def user(self, subject: str, now: datetime) -> User:
        return User(
            self.user_id, self.contact_name, self.email, subject, Role.CUSTOMER, now, customer_id=self.customer_id
        )


def create(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Create the account, send the mail and write the rows. A failure removes the account."""
    order = _order(operation)
    with account_removed_on_failure(ports, order.user_id, progress, mail_sent=False):
        limit_attempts(operation)
        password = ports.vault.decrypt(str(progress.recall("password")))
        progress.hide([password])
        first_password = password if ports.mailer else None
        subject = create_account(ports, order.account, first_password, progress)
        _send_mail(ports, order, password, progress)
        now = ports.clock.now()
        progress.step("writing", f"Writing {order.name}", [lambda work, op: _add_rows(work, op, order, subject, now)])
    return [_forget_secrets]


def _order(operation: Operation) -> _Order:
    text = {name: str(value) for name, value in operation.options.items() if value is not None}
    return _Order(
        customer_id=operation.resource_id,
        name=text["name"],
        email=text["contact_email"],
        contact_name=text["contact_name"],
        plan_id=text["plan_id"],
        subscription_id=text["subscription_id"],
        user_id=text["user_id"],
        organization_id=text.get("organization_id"),
        notes=text.get("notes", ""),
    )


def _send_mail(ports: Ports, order: _Order, password: str, progress: Progress) -> None:
    mailer = ports.mailer
    if mailer is None or progress.recall("mail_sent"):
        return
    progress.step("sending_mail", f"Sending a mail to {order.email}")
    message = _welcome(ports, order, password)
    try:
        retry_while_unavailable(ports, progress, lambda: mailer.send(message), PATIENCE)
    except MailRefused as fault:
        raise TaskFailed("mail_refused", f"The mail server does not take mail to {order.email}: {fault}") from fault
    progress.remember(mail_sent=True)


def _welcome(ports: Ports, order: _Order, password: str) -> Message:
    login = (
        f"Your login is {order.email}, your first password {password}\nYou are asked for a new one at your first login."
        if ports.identity_provider
        else "Your administrator will give you an API key."
    )
    text = (
        f"Hello {order.contact_name},\n\n{order.name} is now a customer of {ports.settings.url}\n\n{login}\n\n"
        f"The API is documented at {ports.settings.url}/api/docs\n"
    )
    return Message(order.email, f"Welcome to {ports.settings.public_host}", text)


def _add_rows(work: Work, operation: Operation, order: _Order, subject: str, now: datetime) -> None:
    """Write customer, subscription and user, unless a worker that died has done so."""
    if work.customers.get(order.customer_id):
        return
    if order.organization_id and work.organizations.get(order.organization_id) is None:
        raise TaskFailed("policy_refused", f"The organization {order.organization_id} has been deleted")
    created = Transition(SubscriptionStatus.ACTIVE, now, operation.actor_id)
    subscription = Subscription(
        order.subscription_id, order.plan_id, now, now, customer_id=order.customer_id, transitions=(created,)
    )
    if work.plans.get(order.plan_id) is None:
        raise TaskFailed("policy_refused", f"The plan {order.plan_id} has been deleted")
    get_fitting_plan(work, subscription)
    work.customers.add(order.customer(now))
    add_subscription(work, subscription)
    work.users.add(replace(order.user(subject, now), created_by=operation.actor_id))


def _forget_secrets(work: Work, operation: Operation) -> None:
    operation.options = {name: operation.options.get(name) for name in ("mail_sent", "user_id")}
    work.operations.save(operation)


TASK = Task(kind=Kind.CREATE_CUSTOMER, steps=STEPS, run=create)
