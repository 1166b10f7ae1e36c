"""Operations are bound to handlers by name; a mismatch on either side keeps the panel from starting."""

import sys
from collections.abc import Callable
from inspect import signature
from types import ModuleType
from typing import Any

import orjson
import pytest

from domain.identity.permissions import ALL_PERMISSIONS
from handlers import routing, server
from handlers.conditional import ConditionalHandler
from handlers.idempotency import AsyncIdempotentHandler, IdempotentHandler
from handlers.openapi31 import Answer, Document, DocumentError, Operation
from tests.calls import permission
from tests.conformance import READ_DOCUMENT
from tests.panel import Panel

Doctor = Callable[[dict[str, Any]], object]


def _document(doctor: Doctor) -> Document:
    raw = orjson.loads(orjson.dumps(READ_DOCUMENT.raw))
    doctor(raw)
    return Document.load(orjson.dumps(raw))


def _takes(operation: Operation, header: str) -> bool:
    return any(parameter.name == header for parameter in operation.parameters)


def test_every_operation_has_the_handler_of_its_name(panel: Panel) -> None:
    bound = routing.bind(READ_DOCUMENT, panel.ports)
    assert list(bound) == [operation.operation_id for operation in READ_DOCUMENT.operations()]
    idempotent = IdempotentHandler | AsyncIdempotentHandler
    assert {name for name, handler in bound.items() if isinstance(handler, idempotent)} == {
        operation.operation_id for operation in READ_DOCUMENT.operations() if _takes(operation, "Idempotency-Key")
    }
    assert {name for name, handler in bound.items() if isinstance(handler, ConditionalHandler)} == {
        operation.operation_id for operation in READ_DOCUMENT.operations() if _takes(operation, "If-None-Match")
    }


def test_every_handler_is_an_operation_of_its_tag() -> None:
    for tag in {operation.tag for operation in READ_DOCUMENT.operations()}:
        module = sys.modules[f"handlers.{tag}"]
        functions = {
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__ and callable(value) and not name.startswith("_")
        }
        assert functions == {operation.operation_id for operation in READ_DOCUMENT.operations() if operation.tag == tag}


@pytest.mark.parametrize(
    ("doctor", "complaint"),
    [
        (lambda raw: raw["paths"]["/roles"]["get"].update(operationId="list_rolls"), "no function of this name"),
        (lambda raw: raw["paths"]["/roles"]["get"].update(tags=["rolls"]), "no module handlers.rolls"),
        (lambda raw: raw["paths"]["/roles"]["get"].pop("x-permission"), "x-permission is None"),
        (lambda raw: raw["paths"]["/roles"]["get"].update({"x-permission": "roles.raed"}), "'roles.raed'"),
        (lambda raw: raw["paths"]["/roles"]["get"].pop("x-rate-tier"), "x-rate-tier is None"),
        (lambda raw: raw["paths"]["/roles"]["get"].update({"x-rate-tier": "fast"}), "'fast'"),
        (lambda raw: raw["paths"]["/roles"]["get"].update(security=[{"cookie": []}]), "cookie"),
        (lambda raw: raw["paths"]["/roles"]["get"].update(operationId="list_permissions"), "twice"),
    ],
)
def test_a_document_that_does_not_match_the_code_is_refused(panel: Panel, doctor: Doctor, complaint: str) -> None:
    with pytest.raises(DocumentError, match=complaint):
        routing.bind(_document(doctor), panel.ports)


def test_an_import_error_inside_a_handler_module_is_not_reported_as_a_missing_module(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'yodel'", name="yodel")

    monkeypatch.setattr(routing, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="yodel"):
        routing.bind(READ_DOCUMENT, panel.ports)


def test_an_operation_that_needs_credentials_cannot_be_written_as_public(panel: Panel) -> None:
    """`security: []` on an operation with a permission would let anonymous requests in."""
    document = _document(lambda raw: raw["paths"]["/services"]["get"].update(security=[]))
    with pytest.raises(DocumentError, match="list_services"):
        routing.bind(document, panel.ports)


def test_every_operation_that_needs_a_permission_is_listed_once_under_it() -> None:
    needed = routing.operations_by_permission(READ_DOCUMENT)
    assert set(needed) <= ALL_PERMISSIONS
    assert needed["env.reveal"] == ("reveal_environment",)
    listed = [name for names in needed.values() for name in names]
    assert sorted(listed) == sorted(
        operation.operation_id for operation in READ_DOCUMENT.operations() if permission(operation)
    )


def test_wrapped_handlers_take_the_header_that_the_document_declares(panel: Panel) -> None:
    for name, handler in routing.bind(READ_DOCUMENT, panel.ports).items():
        if isinstance(handler, IdempotentHandler | AsyncIdempotentHandler | ConditionalHandler):
            extra = (
                "idempotency_key"
                if isinstance(handler, IdempotentHandler | AsyncIdempotentHandler)
                else "if_none_match"
            )
            assert extra in signature(handler).parameters, name


def test_a_handler_that_returns_something_else_than_a_response_causes_500(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.users.list_roles", lambda ports, caller: {"data": []})
    app = server.create(panel.ports)
    panel.app = app
    assert panel.get("/roles").status_code == 500
    monkeypatch.setattr("handlers.users.list_roles", lambda ports, caller: Answer(204))
    panel.app = server.create(panel.ports, validate_responses=True)
    assert panel.get("/roles").status_code == 500
