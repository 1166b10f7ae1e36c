"""Run a command in a container of a service."""

import json
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from domain.errors import Conflict, Invalid, NotFound
from domain.identity.access import Caller
from domain.model.audit_event import FieldChange
from domain.model.masking import Masking
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.commands import Command
from domain.ports.runtime import Container, EngineRefused
from domain.rollout.release import DEPLOYMENT
from domain.runtime.lines import component
from domain.runtime.observation import Observation, SecretMasking, observe

DEFAULT_SECONDS = 30
MAX_OUTPUT = 128 * 1024  # bytes of each stream
_LONGEST_RECORDED = 1000  # characters of an argv in the audit record
_ENDED = "exec_in_service.end"


class ExecRequest(TypedDict):
    """The body of `exec_in_service`."""

    argv: list[str]
    container: NotRequired[str]
    timeout_seconds: NotRequired[int]


@dataclass(frozen=True)
class ExecResult:
    """How a command ended. `exit_code` is None if the time limit ended it."""

    container: str
    exit_code: int | None
    stdout: str
    stderr: str
    truncated: bool


def exec_in_service(ports: Ports, caller: Caller, service_id: str, body: ExecRequest) -> ExecResult:
    """Run a command, and return when it has ended. Secrets of the service are masked in its output.

    Raise Invalid if there is no such container or no program, and Conflict if the container does not run. The audit
    record has the command before it starts, and its end.
    """
    if not body["argv"][0]:
        raise Invalid({"argv": "names no program: the first element is empty"})
    seen = observe(ports, caller, service_id)
    container = choose_container(seen, body.get("container"))
    masking = SecretMasking(ports).masking(seen)
    recorded = _shorten(masking.mask(json.dumps(body["argv"], ensure_ascii=False)))
    _record(ports, seen.service, "exec_in_service", container=container.name, argv=recorded)
    command = Command(tuple(body["argv"]), float(body.get("timeout_seconds", DEFAULT_SECONDS)), MAX_OUTPUT)
    try:
        result = ports.runtime.run_command(container.name, command)
    except EngineRefused as refused:
        raise Conflict(
            f"The engine did not run the command in {container.name} to its end",
            code="wrong_state",
            details=masking.mask(str(refused)),
        ) from refused
    exit_code = "time limit" if result.exit_code is None else str(result.exit_code)
    _record(ports, seen.service, _ENDED, container=container.name, exit_code=exit_code)
    stdout, stderr = (_mask(masking, text) for text in (result.stdout, result.stderr))
    return ExecResult(container.name, result.exit_code, stdout, stderr, result.truncated)


def choose_container(seen: Observation, wanted: str | None) -> Container:
    """Return the running container with this name or component; without a name, that of the only component.

    Of several containers, one of the live deployment is returned. Raise Conflict if none runs, or if a name is needed
    and missing, and NotFound if the name fits none.
    """
    running = [container for container in seen.containers if container.state == "running"]
    if not running:
        raise Conflict(f"{seen.service.name} has no running container", code="wrong_state", details="Start it first")
    components = sorted({component(container) for container in running})
    if wanted is None and len(components) > 1:
        details = f"It has {', '.join(components)}"
        raise Conflict(f"Name the container of {seen.service.name}", code="wrong_state", details=details)
    matches = [container for container in running if wanted in (None, container.name, component(container))]
    if not matches:
        raise NotFound("Container not found", details=f"The running components are {', '.join(components)}")
    return min(matches, key=lambda container: not _is_live(seen.service, container))


def _is_live(service: Service, container: Container) -> bool:
    return container.labels[DEPLOYMENT] == service.live_deployment_id


def _mask(masking: Masking, text: str) -> str:
    return "\n".join(masking.mask_all(text.split("\n")))


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_RECORDED else f"{text[:_LONGEST_RECORDED]}…"


def _record(ports: Ports, service: Service, action: str, **values: str) -> None:
    changes = tuple(FieldChange(field, None, value) for field, value in values.items())
    with ports.store.begin() as work:
        work.audit_events.record(action, ("service", service.id), customer_id=service.customer_id, changes=changes)
