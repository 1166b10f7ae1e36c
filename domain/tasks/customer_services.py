"""What the tasks about a customer share: they queue operations of its services, and wait for them."""

from collections.abc import Callable, Iterator

from domain.model.operation import Operation
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.progress import Progress
from domain.ports.store import Work
from domain.work.failures import TaskFailed, WaitsForOperations

_AT_ONCE = 50
_MOST_NAMES = 5


def queue_for_services(
    ports: Ports, operation: Operation, progress: Progress, enqueue: Callable[[Work, Service], object]
) -> None:
    """Call `enqueue` for each service of the customer, a batch in each transaction.

    Then run the task again from its start when the operations of the services have ended; this then returns at once.
    """
    if progress.recall("queued"):
        return
    change_services(ports, operation, progress, enqueue)
    progress.remember(queued=True)
    raise WaitsForOperations(operation.resource_id)


def change_services(
    ports: Ports, operation: Operation, progress: Progress, change: Callable[[Work, Service], object]
) -> None:
    """Call `change` for each service of the customer, a batch in each transaction."""
    for batch in _batches(operation, progress):
        progress.check()
        with ports.store.begin() as work:
            for service in filter(None, (work.services.get(read.id) for read in batch)):
                change(work, service)


def require_none(operation: Operation, progress: Progress, fails: Callable[[Service], bool], problem: str) -> None:
    """Raise TaskFailed with the names of the customer's services that fail, if any does."""
    names = [service.name for batch in _batches(operation, progress) for service in batch if fails(service)]
    if names:
        more = f" and {len(names) - _MOST_NAMES} others" if len(names) > _MOST_NAMES else ""
        shown = f"{', '.join(names[:_MOST_NAMES])}{more}"
        raise TaskFailed("service_failed", f"{problem}: {shown}. Their operations say why; then repeat the request")


def _batches(operation: Operation, progress: Progress) -> Iterator[list[Service]]:
    after, customer_id = "", operation.resource_id
    while batch := progress.read(lambda work: work.services.of_customer(customer_id, after, _AT_ONCE)):  # noqa: B023
        yield batch
        after = batch[-1].id
