"""Create a user: its account at the identity provider, and then its row, both or nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.errors import Conflict, NotFound
from domain.model.operation import Kind, Operation
from domain.model.role import Role
from domain.model.user import User
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.tasks.accounts import account_removed_on_failure, create_account
from domain.tasks.service_task import limit_attempts
from domain.users.invitation import LIFETIME, account_of, check_new_user
from domain.work.failures import TaskFailed
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {"creating_account": StepRule(10), "writing": StepRule(90, irreversible=True)}


def create(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Create the account and write the row. A failure removes the account."""
    user = _user(operation, ports.clock.now())
    with account_removed_on_failure(ports, user.id, progress):
        limit_attempts(operation)
        password = ports.vault.decrypt(str(progress.recall("password")))
        progress.hide([password])
        user.subject = create_account(ports, account_of(user), password, progress)
        progress.step("writing", f"Writing {user.name}", [lambda work, _operation: _add_row(work, user)])
    return [_keep_password if ports.identity_provider else _keep_nothing]


def _user(operation: Operation, now: datetime) -> User:
    text = {name: str(value) for name, value in operation.options.items() if value is not None}
    return User(
        id=operation.resource_id,
        name=text["name"],
        email=text["email"],
        subject="",
        role=Role(text["role"]),
        created_at=now,
        created_by=operation.actor_id,
        customer_id=text.get("customer_id"),
        invited=True,
        invited_until=now + LIFETIME,
    )


def _add_row(work: Work, user: User) -> None:
    """Write the user, unless a worker that died has done so."""
    if work.users.get(user.id):
        return
    try:
        check_new_user(work, user.email, user.role, user.customer_id)
    except Conflict as fault:
        raise TaskFailed("account_exists", fault.message) from fault
    except NotFound as fault:
        raise TaskFailed("policy_refused", f"The customer {user.customer_id} has been deleted") from fault
    work.users.add(user)


def _keep_password(work: Work, operation: Operation) -> None:
    """Keep of the request what the responses to equal ones return."""
    operation.options = {"password": operation.options.get("password")}
    work.operations.save(operation)


def _keep_nothing(work: Work, operation: Operation) -> None:
    operation.options = {}
    work.operations.save(operation)


TASK = Task(kind=Kind.CREATE_USER, steps=STEPS, run=create)
