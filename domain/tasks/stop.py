"""Stop: stop the containers of a service. They are kept, so that starting is quick."""

from collections.abc import Mapping, Sequence

from domain.model.operation import Kind, Operation
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.rollout.rollout import retry_while_unavailable
from domain.rollout.service_status import lock_service, mark_deploying, settle_service
from domain.tasks.service_task import limit_attempts, live_release, read_service, stop_containers
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {"stopping": StepRule(irreversible=True)}


def stop(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Refuse new requests, then stop the containers, dependent ones first."""
    service = read_service(operation, progress)
    limit_attempts(operation)
    release = live_release(ports, service, progress) if service.live_deployment_id else None
    progress.step("stopping", "Stopping containers")
    grace = progress.recall("grace")
    if release:
        seconds = float(grace) if grace is not None else None
        retry_while_unavailable(ports, progress, lambda: stop_containers(ports, release, seconds))
    return ()


TASK = Task(kind=Kind.STOP, steps=STEPS, run=stop, lock=lock_service, begin=mark_deploying, settle=settle_service)
