"""The tasks that a worker can run: one for each kind of operation."""

from collections.abc import Mapping

from domain.tasks import (
    create_customer,
    create_user,
    delete,
    delete_customer,
    deploy,
    reactivate_customer,
    restart,
    roll_back,
    start,
    stop,
    suspend_customer,
)
from domain.work.task import Task

TASKS: Mapping[str, Task] = {
    task.kind: task
    for task in (
        deploy.TASK,
        start.TASK,
        stop.TASK,
        restart.TASK,
        delete.TASK,
        roll_back.TASK,
        create_customer.TASK,
        suspend_customer.TASK,
        reactivate_customer.TASK,
        delete_customer.TASK,
        create_user.TASK,
    )
}
