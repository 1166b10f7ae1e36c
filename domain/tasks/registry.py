"""The tasks that a worker can run: one for each kind of operation."""

from collections.abc import Mapping

from domain.tasks import delete, deploy, restart, roll_back, start, stop
from domain.work.task import Task

TASKS: Mapping[str, Task] = {
    task.kind: task for task in (deploy.TASK, start.TASK, stop.TASK, restart.TASK, delete.TASK, roll_back.TASK)
}
