"""Schemathesis against one panel: it generates requests from the document and checks every response against it."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests import conformance
from tests.calls import schema
from tests.conformance import READ_DOCUMENT
from tests.contract.event_streams import EVENT_STREAM, streaming_operations, with_event_schemas
from tests.contract.reading import Operation, operations
from tests.operation_data import operation_data, pending_operations

CONFIG = Path(__file__).parent / "schemathesis.toml"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
VALID = ("401", "403", "404", "409")
"""Errors that any valid request may get: they depend on credentials and on the state of resources."""
_PROTECTED_KEYS: set[str] = set()
_ACCEPT = "x-wanted-accept"
_STREAMED: Counter[str] = Counter()
_STREAMS = 2
"""The number of requests for a stream per operation: those that do not end take the whole timeout."""
_LONGEST_WAIT = 2  # seconds
# Undeclared headers are valid. Schemathesis reports them as accepted violations if another header is an integer.
_UNDECLARED = "x-schemathesis-unknown-property"


@dataclass(frozen=True)
class Target:
    """An application in this process or its URL, and an admin's API key."""

    app: Any
    key: str
    key_id: str


@dataclass
class Report:
    """The result of a run; `seen` counts the responses by operation and status."""

    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __str__(self) -> str:
        return "\n\n".join([*self.failures.values(), *self.errors])


def run_schemathesis(
    target: Target, phases: tuple[str, ...], seed: int, examples: int, only: list[str] | None = None
) -> Report:
    """Run the phases against every operation, with `examples` requests each and as many sequences of requests.

    With `only`, run them against the operations with these IDs.
    """
    report, config = Report(), _config(target, phases, seed, examples, only or _tested())
    _PROTECTED_KEYS.add(target.key_id)
    for event in from_schema(_schema(target, config)).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(report, event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            report.errors.append(repr(getattr(event, "value", event)))
    return report


def _tested() -> list[str]:
    return [operation.id for operation in operations() if operation.id not in pending_operations()]


def _config(target: Target, phases: tuple[str, ...], seed: int, examples: int, only: list[str]) -> SchemathesisConfig:
    settings = tomllib.loads(CONFIG.read_text())
    settings |= {"seed": seed, "auth": {"openapi": {"bearerAuth": {"bearer": target.key}}}}
    settings["operations"] += [_operation_settings(operation, only) for operation in operations()]
    config = SchemathesisConfig.from_dict(settings)
    project = config.projects.default
    project.phases.update(phases=list(phases))
    project.generation.update(max_examples=examples, database="none")
    return config


def _operation_settings(operation: Operation, only: list[str]) -> dict[str, Any]:
    """Return settings that allow the statuses an operation may return for a request that is valid by its schemas."""
    data = operation_data(operation.id)
    stale = ("412",) if operation.has("If-Match") else ()
    success = (str(data.plain_success),) if data.plain_success else ("2xx", "3xx")
    expected = [*success, *VALID, *stale, *data.statuses]
    return {
        "include-operation-id": operation.id,
        "enabled": operation.id in only,
        "checks": {"positive_data_acceptance": {"expected-statuses": expected}},
    }


def _schema(target: Target, config: SchemathesisConfig) -> Any:
    if isinstance(target.app, str):
        config.projects.default.update(base_url=target.app)
    schema = schemathesis.openapi.from_dict(with_event_schemas(), config=config)
    if not isinstance(target.app, str):
        schema.app = _accept_streams(target.app)
    return schema


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Keep the run from revoking its own API key, and from following more than a few streams, which may not end.

    Waits are short: a deployment may take an hour to become unhealthy, if its `deploy_timeout` says so.
    """
    if (case.path_parameters or {}).get("api_key_id") in _PROTECTED_KEYS:
        case.path_parameters["api_key_id"] = "key_0"
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int) and _LONGEST_WAIT < wait <= 60:
        case.query["wait"] = _LONGEST_WAIT
    operation_id = case.operation.definition.raw["operationId"]
    if operation_id in streaming_operations():
        _STREAMED[operation_id] += 1
        _stream(case) if _STREAMED[operation_id] <= _STREAMS else _page(case)


def _stream(case: Any) -> None:
    case.headers = {**(case.headers or {}), _ACCEPT: EVENT_STREAM}


def _accept_streams(app: Any) -> Any:
    """Return the application with the header `Accept` that a hook asks for: the client overwrites it with its own."""

    async def with_accept(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            wanted = [(b"accept", value) for name, value in scope["headers"] if name == _ACCEPT.encode()]
            kept = [header for header in scope["headers"] if header[0] not in (b"accept", _ACCEPT.encode())]
            scope = {**scope, "headers": [*kept, *wanted]}
        await app(scope, receive, send)

    return with_accept


def _page(case: Any) -> None:
    if str((case.query or {}).get("follow")).lower() in {"true", "1"}:
        case.query["follow"] = "false"


@schemathesis.hook  # type: ignore[untyped-decorator]
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Drop false reports: invalid requests taken for valid ones, and the other way round.

    `null` for an optional body is as good as none.
    """
    headers = case.headers or {}
    return not (
        (failure.title == "Schema-valid request rejected" and response.status_code == 400 and _has_wrong_path(case))
        or (failure.title == "Schema-violating request accepted" and (_UNDECLARED in headers or _is_null(case)))
    )


def _is_null(case: Any) -> bool:
    return case.body is None and not case.operation.definition.raw.get("requestBody", {}).get("required")


def _has_wrong_path(case: Any) -> bool:
    """Return whether an ID is of another kind: Schemathesis follows fields of its own choice, such as `user_id`."""
    operation = READ_DOCUMENT.operation(case.operation.definition.raw["operationId"])
    patterns = {path.name: schema(path).get("pattern", "") for path in operation.parameters if path.where == "path"}
    return any(not re.search(patterns[name], str(value)) for name, value in (case.path_parameters or {}).items())


def _count(report: Report, recorder: Any) -> None:
    for case_id, interaction in recorder.interactions.items():
        if interaction.response is not None:
            case, status = recorder.cases[case_id].value, interaction.response.status_code
            report.seen[case.operation.label, status] += 1
            conformance.record_status(case.method, f"/api{case.formatted_path}", status)
    for name, text in _failures(recorder):
        report.failures.setdefault(name, text)


def _failures(recorder: Any) -> Iterator[tuple[str, str]]:
    for case_id, checks in recorder.checks.items():
        for info in filter(None, (check.failure_info for check in checks)):
            name = f"{recorder.cases[case_id].value.operation.label}: {info.failure.title}"
            yield name, f"{name}\n{info.failure.message}\n{info.code_sample}\n{_format_response(recorder, case_id)}"


def _format_response(recorder: Any, case_id: str) -> str:
    response = recorder.interactions[case_id].response
    return f"{response.status_code} {(response.content or b'')[:500].decode(errors='replace')}" if response else ""
