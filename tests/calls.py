"""A valid request for every operation of the document, for tests of rules that hold for all operations."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

import httpx
import orjson

from handlers.openapi31.operations import Operation, Parameter
from scripts.scaffold.row import read_table
from tests.conformance import READ_DOCUMENT
from tests.operation_data import Resources, operation_data, path_parameters, pending_operations
from tests.panel import Panel

OPERATIONS = tuple(
    operation for operation in READ_DOCUMENT.operations() if operation.operation_id not in pending_operations()
)
"""The operations that have a rule."""
UNKNOWN_IDS = {name: parameter.unknown for name, parameter in path_parameters().items()}
"""For each path parameter a valid ID that no resource has."""
PUBLIC = {operation.operation_id for operation in OPERATIONS if operation_data(operation.operation_id).public}
"""The operations that need no credentials."""
WITH_ID = [
    operation
    for operation in OPERATIONS
    if operation.operation_id not in PUBLIC
    and any(
        parameter.where == "path" and path_parameters()[parameter.name].tenant for parameter in operation.parameters
    )
]
"""The operations on a resource that belongs to a customer."""


def find_operation(operation_id: str) -> Operation:
    """Return an operation of the document."""
    return READ_DOCUMENT.operation(operation_id)


def permission(operation: Operation) -> str | None:
    """Return the permission that an operation needs, None if it needs none."""
    needed = str(operation.raw["x-permission"])
    return None if needed in {"public", "authenticated"} else needed


def operations_with_parameter(parameter: str, where: str = "query") -> list[Operation]:
    """Return the operations that declare a parameter."""
    return [
        operation
        for operation in OPERATIONS
        if (where, parameter) in {(declared.where, declared.name) for declared in operation.parameters}
    ]


READS = tuple(
    operation.operation_id
    for operation in operations_with_parameter("If-None-Match", "header")
    if operation in WITH_ID and "application/json" in operation.responses["200"].content
)
"""The operations that read one resource of a customer, with its ETag."""


def operations_with_body() -> list[Operation]:
    """Return the operations that take a JSON body."""
    return [operation for operation in OPERATIONS if operation.body and "application/json" in operation.body.content]


def schema(parameter: Parameter) -> dict[str, Any]:
    """Return the schema of a parameter."""
    return dict(READ_DOCUMENT.references.follow(parameter.schema)[1])


def body(operation: Operation, panel: Panel) -> dict[str, Any] | None:
    """Return the first example of the body, with names that are free and IDs of resources that exist.

    Return None if the operation takes no JSON.
    """
    if operation not in operations_with_body():
        return None
    content = operation.raw["requestBody"]["content"]["application/json"]
    example = content["example"] if "example" in content else next(iter(content["examples"].values()))["value"]
    return usable_body(operation.operation_id, panel, {**example})


def operations_with_checked_body() -> list[Operation]:
    """Return the operations whose JSON body is checked by its schema, before their rule."""
    return [operation for operation in operations_with_body() if operation.body and not operation.body.raw]


def json_options(panel: Panel) -> dict[str, dict[str, Any]]:
    """Return, for each operation, options for `Targets.send` with a body that is built now; none if it takes no JSON.

    The resources that bodies name exist then, so that sending creates nothing but what the operation creates.
    """
    bodies = {operation.operation_id: body(operation, panel) for operation in OPERATIONS}
    return {operation_id: {} if example is None else {"json": example} for operation_id, example in bodies.items()}


def usable_body(operation_id: str, panel: Panel, example: dict[str, Any]) -> dict[str, Any]:
    """Return an example with names that are free and IDs of resources that exist, which are created."""
    data = operation_data(operation_id)
    return data.body(data.body_with(Resources(panel), example) if data.body_with else example)


def success(operation: Operation) -> int:
    """Return the status of a valid request."""
    planned = int(read_table()[operation.operation_id].success)
    return operation_data(operation.operation_id).plain_success or planned


def _form(operation: Operation) -> dict[str, str] | None:
    """Return the example of a form, None if the operation takes none."""
    content = operation.raw.get("requestBody", {"content": {}})["content"]
    form: dict[str, str] | None = content.get("application/x-www-form-urlencoded", {}).get("example")
    return form


def signed(operation: Operation, ids: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """Return options for a request with the signature of its body, if the operation needs one."""
    sign = operation_data(operation.operation_id).sign
    if sign is None or not options.keys() & {"json", "content"}:
        return options
    content = options["content"] if "content" in options else orjson.dumps(options["json"])
    if not isinstance(content, bytes):  # a body that is sent in parts
        return options
    headers = {"Content-Type": "application/json", **sign(ids, content), **options.get("headers", {})}
    return {**options, "json": None, "content": content, "headers": headers}


@dataclass
class Targets:
    """IDs for the path parameters of all operations: of resources that exist, or unknown ones by default."""

    ids: dict[str, str] = field(default_factory=lambda: dict(UNKNOWN_IDS))

    def path(self, operation: Operation, query: str = "") -> str:
        """Return the operation's path with these IDs."""
        return operation.path.format(**self.ids) + (f"?{query}" if query else "")

    def send(self, panel: Panel, operation: Operation, *, query: str = "", **options: Any) -> httpx.Response:
        """Send a valid request, unless the options say otherwise.

        If the operation waits for a worker, one runs meanwhile, unless `with_worker=False`.
        """
        with_worker = options.pop("with_worker", True) and operation_data(operation.operation_id).needs_worker
        if not options.keys() & {"json", "content"} and (example := body(operation, panel)) is not None:
            options["json"] = example
        if not options.keys() & {"json", "content"} and (form := _form(operation)) is not None:
            options["data"] = form
        method, options = options.pop("method", operation.method), signed(operation, self.ids, options)
        send = panel.request_with_worker if with_worker else panel.request
        return send(method, self.path(operation, query), **options)


def create_targets(panel: Panel, customer_id: str | None = None) -> Targets:
    """Create a resource for every path parameter, of a customer or without one."""
    resources = Resources(panel, customer_id)
    in_paths = {
        parameter.name for operation in OPERATIONS for parameter in operation.parameters if parameter.where == "path"
    }
    return Targets({name: resources.id(name) for name in path_parameters() if name in in_paths})


def prepare_targets(panel: Panel, operation: Operation, customer_id: str | None = None) -> Targets:
    """Create the resources of an operation's path, in a state in which the operation succeeds."""
    resources = Resources(panel, customer_id)
    for parameter in operation.parameters:
        if parameter.where == "path":
            resources.id(parameter.name)
    operation_data(operation.operation_id).prepare(resources)
    return Targets({**UNKNOWN_IDS, **resources.ids})


def error(response: httpx.Response) -> dict[str, Any]:
    """Return the error of a response without its request ID, which differs each time."""
    content = dict(response.json()["error"])
    assert content.pop("request_id") == response.headers["x-request-id"]
    return content


def tables(panel: Panel, *, audit: bool = False) -> dict[str, list[str]]:
    """Return every row of the database, by table; the audit record, to which refusals add, only with `audit`."""
    with sqlite3.connect(panel.ports.settings.data_dir / "panel.db") as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        kept = [name for name in names if audit or not name.startswith("audit_")]
        rows = {name: sorted(repr(row) for row in raw.execute(f'SELECT * FROM "{name}"')) for name in kept}
    raw.close()
    return rows


def invalid_values(parameter: Parameter) -> Iterator[str]:
    """Yield values that a parameter's schema refuses, as a URL or header has them."""
    declared = schema(parameter)
    if declared["type"] in {"integer", "boolean"}:
        yield from ("x", "1.5", "", " ", "9" * 30, "-1", "1e3", "0x10", "%00")
    elif "enum" in declared or "pattern" in declared or "format" in declared:
        texts = ("no such thing", "", "%00", "%F0%9F%92%A5", "'", "x" * 600)
        pattern = re.compile(declared.get("pattern", "(?!)"))
        longest = declared.get("maxLength", 600)
        yield from (text for text in texts if len(text) > longest or not pattern.search(unquote(text)))
    if "maxLength" in declared:
        yield "a" * (declared["maxLength"] + 1)
    if "maximum" in declared:
        yield str(declared["maximum"] + 1)


def encode_query(**query: str) -> str:
    """Return a query string."""
    return urlencode(query)
