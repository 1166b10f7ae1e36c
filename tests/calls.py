"""A good request for every operation of the document, for tests of the rules that hold for all of them."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx

from handlers.openapi31.operations import Operation, Parameter
from tests.conformance import READ_DOCUMENT
from tests.panel import Panel

OPERATIONS = READ_DOCUMENT.operations()
PUBLIC = {"get_openapi", "get_health"}
READS = ("get_api_key", "get_service", "export_service", "get_deployment", "get_environment", "get_operation")
WITH_ID = [
    one for one in OPERATIONS if any(each.where == "path" and each.name != "template_id" for each in one.parameters)
]
"""The operations that name a thing of a tenant."""
NOWHERE = {
    "api_key_id": "key_01aaaaaaaaaaaaaaaaaaaaaaaa",
    "service_id": "svc_01aaaaaaaaaaaaaaaaaaaaaaaa",
    "deployment_id": "dep_01aaaaaaaaaaaaaaaaaaaaaaaa",
    "operation_id": "op_01aaaaaaaaaaaaaaaaaaaaaaaa",
    "session_id": "ses_01aaaaaaaaaaaaaaaaaaaaaaaa",
    "template_id": "no-such-template",
}
_names = count(1)


def named(operation_id: str) -> Operation:
    """An operation of the document."""
    return READ_DOCUMENT.operation(operation_id)


def permission(operation: Operation) -> str | None:
    """What it needs; None when nothing beyond a credential, or not even that."""
    needed = str(operation.raw["x-permission"])
    return None if needed in {"public", "authenticated"} else needed


def taking(parameter: str, where: str = "query") -> list[Operation]:
    """The operations that declare a parameter."""
    return [one for one in OPERATIONS if (where, parameter) in {(each.where, each.name) for each in one.parameters}]


def with_body() -> list[Operation]:
    """The operations that take a body."""
    return [one for one in OPERATIONS if one.body]


def schema(parameter: Parameter) -> dict[str, Any]:
    """The schema of a parameter."""
    return dict(READ_DOCUMENT.references.follow(parameter.schema)[1])


def body(operation: Operation) -> dict[str, Any] | None:
    """A body that the document gives as an example, with a service name that is free; None when there is none."""
    if not operation.body:
        return None
    content = operation.raw["requestBody"]["content"]["application/json"]
    found = content["example"] if "example" in content else next(iter(content["examples"].values()))["value"]
    example = {**found}
    if operation.operation_id in {"create_service", "deploy_template"}:
        example["name"] = f"{example['name']}-{next(_names)}"
    if operation.operation_id == "reveal_environment":
        example["names"] = ["GREETING"]
    return example


@dataclass
class Things:
    """What the path parameters of a panel's operations can name, all of one owner."""

    ids: dict[str, str] = field(default_factory=lambda: dict(NOWHERE))

    def path(self, operation: Operation, query: str = "") -> str:
        """The operation's path on these things."""
        return operation.path.format(**self.ids) + (f"?{query}" if query else "")

    def ask(self, panel: Panel, operation: Operation, *, query: str = "", **options: Any) -> httpx.Response:
        """A good request, unless the options say otherwise; `works` carries out what DELETE waits for meanwhile."""
        works = options.pop("works", True) and operation.operation_id == "delete_service"
        if not options.keys() & {"json", "content"} and (example := body(operation)) is not None:
            options["json"] = example
        if works:
            return panel.delete(self.path(operation, query), **options)
        return panel.request(options.pop("method", operation.method), self.path(operation, query), **options)


def things(panel: Panel, customer_id: str | None = None) -> Things:
    """A running service with two deployments and its last operation, a key and its session, of a customer or nobody."""
    owner = {"customer_id": customer_id} if customer_id else {}
    service = panel.service(f"shop-{next(_names)}", variables={"GREETING": "Hello"}, **owner)
    deployed = panel.post(f"/services/{service['id']}/deploy").json()
    panel.work()
    key = (
        {"name": "other", "role": "customer", "customerId": customer_id}
        if customer_id
        else {"name": "other", "role": "viewer"}
    )
    other = panel.post("/v1/api-keys", {"name": "other", **key}).json()
    return Things(
        {
            "service_id": service["id"],
            "deployment_id": deployed["id"],
            "operation_id": deployed["operation_id"],
            "api_key_id": other["id"],
            "session_id": panel.post("/auth/sessions", key=other["key"]).json()["id"],
            "template_id": "hello",
        }
    )


def ready(panel: Panel, operation: Operation, customer_id: str | None = None) -> Things:
    """Things in a state in which the operation succeeds."""
    made = things(panel, customer_id)
    if operation.operation_id in {"cancel_deployment", "cancel_operation"}:
        waiting = panel.post(f"/services/{made.ids['service_id']}/deploy").json()
        made.ids |= {"deployment_id": waiting["id"], "operation_id": waiting["operation_id"]}
    return made


def error(response: httpx.Response) -> dict[str, Any]:
    """The error of a response without the id of the request, which is another one each time."""
    said = dict(response.json()["error"])
    assert said.pop("request_id") == response.headers["x-request-id"]
    return said


def tables(panel: Panel) -> dict[str, list[str]]:
    """Every row of the database, by table."""
    with sqlite3.connect(panel.ports.settings.data_dir / "panel.db") as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {name: sorted(repr(row) for row in raw.execute(f'SELECT * FROM "{name}"')) for name in names}
    raw.close()
    return rows


def wrong_texts(parameter: Parameter) -> Iterator[str]:
    """Values that the schema of a parameter refuses, as they stand in a URL or header."""
    found = schema(parameter)
    if found["type"] in {"integer", "boolean"}:
        yield from ("x", "1.5", "", " ", "9" * 30, "-1", "1e3", "0x10", "%00")
    elif "enum" in found or "pattern" in found or "format" in found:
        yield from ("no such thing", "", "%00", "%F0%9F%92%A5", "'", "x" * 600)
    if "maxLength" in found:
        yield "a" * (found["maxLength"] + 1)
    if "maximum" in found:
        yield str(found["maximum"] + 1)


def encoded(**query: str) -> str:
    """A query string."""
    return urlencode(query)
