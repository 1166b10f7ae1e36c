"""From the document to the handlers: operationId `create_plan` with tag `plans` is `handlers.plans.create_plan`."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any

from domain.identity.permissions import ALL_PERMISSIONS
from domain.ports import Ports
from handlers.conditional import AsyncConditionalHandler, ConditionalHandler
from handlers.idempotency import AsyncIdempotentHandler, IdempotentHandler
from handlers.openapi31 import Document, DocumentError, Operation
from handlers.paging import AsyncPagedHandler, PagedHandler

_WITHOUT_PERMISSION = frozenset({"public", "authenticated"})
_TIERS = frozenset({"default", "authenticated", "deploy", "logout"})


def bind(document: Document, ports: Ports) -> dict[str, Callable[..., Any]]:
    """Return the handler of every operation, bound to the ports.

    Raise DocumentError if a handler is missing or an operation's permission, tier or security is wrong.
    """
    return {operation.operation_id: _bind_operation(operation, ports) for operation in document.operations()}


def operations_by_permission(document: Document) -> dict[str, tuple[str, ...]]:
    """Return the operations that need each permission."""
    needed: dict[str, list[str]] = {}
    for operation in document.operations():
        needed.setdefault(operation.raw.get("x-permission", ""), []).append(operation.operation_id)
    return {name: tuple(operations) for name, operations in needed.items() if name not in _WITHOUT_PERMISSION}


def _bind_operation(operation: Operation, ports: Ports) -> Callable[..., Any]:
    _check(operation)
    handler = partial(_handler(operation), ports)
    arguments = {parameter.argument for parameter in operation.parameters}
    is_async = iscoroutinefunction(handler.func)
    if "idempotency_key" in arguments:
        return (AsyncIdempotentHandler if is_async else IdempotentHandler)(ports, operation.operation_id, handler)
    if "if_none_match" in arguments:
        return (AsyncConditionalHandler if is_async else ConditionalHandler)(handler)
    if "page" in arguments:
        return (AsyncPagedHandler if is_async else PagedHandler)(handler)
    return handler


def _check(operation: Operation) -> None:
    permission, tier = operation.raw.get("x-permission"), operation.raw.get("x-rate-tier")
    if permission not in _WITHOUT_PERMISSION | ALL_PERMISSIONS:
        raise DocumentError(f"{operation.operation_id}: x-permission is {permission!r}, which no role has")
    if tier not in _TIERS:
        raise DocumentError(f"{operation.operation_id}: x-rate-tier is {tier!r}, not one of {sorted(_TIERS)}")
    if permission != "public" and not all(operation.security or [{}]):
        raise DocumentError(f"{operation.operation_id}: it needs {permission}, but its security allows no credentials")


def _handler(operation: Operation) -> Callable[..., Any]:
    try:
        module = import_module(f"handlers.{operation.tag}")
    except ModuleNotFoundError as missing:
        if missing.name != f"handlers.{operation.tag}":
            raise
        raise DocumentError(f"{operation.operation_id}: there is no module handlers.{operation.tag}") from missing
    handler: Callable[..., Any] | None = getattr(module, operation.operation_id, None)
    if handler is None:
        raise DocumentError(f"{operation.operation_id}: handlers.{operation.tag} has no function of this name")
    return handler
