"""Delete a customer: its services with their data, the accounts of its users, and last its rows."""

from collections.abc import Mapping, Sequence
from functools import partial

from domain.model.operation import Kind, Operation
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.repository import Query
from domain.ports.store import Work
from domain.rollout.rollout import retry_while_unavailable
from domain.services.delete import queue_deletion
from domain.tasks.customer_services import queue_for_services, require_none
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {
    "deleting_services": StepRule(irreversible=True),
    "deleting_accounts": StepRule(70, irreversible=True),
}
_PATIENCE = 10.0  # seconds


def delete(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Delete everything that belongs to the customer, the row of the customer last.

    A service's deletion asks the engine that nothing is left of it; here no service may be left.
    """
    progress.step("deleting_services", "Deleting the services of the customer")
    now = ports.clock.now()
    queue_for_services(
        ports, operation, progress, lambda work, service: queue_deletion(work, now, None, service, "delete")
    )
    require_none(operation, progress, lambda _service: True, "Not deleted")
    progress.step("deleting_accounts", "Deleting the accounts of its users")
    _delete_accounts(ports, operation.resource_id, progress)
    return [_remove_rows]


def _delete_accounts(ports: Ports, customer_id: str, progress: Progress) -> None:
    """Delete the account of each user, a page at a time, and then the user."""
    provider = ports.identity_provider
    query = Query(filters={"customer_id": customer_id}, per_page=50)
    while users := progress.read(lambda work: work.users.page(query)).items:
        progress.check()
        for user in users:
            delete_account = partial(provider.delete_account, user.subject) if provider else lambda: None
            retry_while_unavailable(ports, progress, delete_account, _PATIENCE)
        with ports.store.begin() as work:
            for user in users:
                work.users.remove(user.id)


def _remove_rows(work: Work, operation: Operation) -> None:
    work.api_keys.remove_of_customer(operation.resource_id)
    work.users.remove_of_customer(operation.resource_id)
    work.customers.remove(operation.resource_id)


TASK = Task(kind=Kind.DELETE_CUSTOMER, steps=STEPS, run=delete)
