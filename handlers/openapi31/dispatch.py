"""Call an operation's handler with the arguments that it names."""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from handlers.openapi31.answers import Answer, send_answer
from handlers.openapi31.errors import DocumentError
from handlers.openapi31.operations import Operation
from handlers.openapi31.security import CALLER
from handlers.openapi31.skeleton import AbstractOperation, RoutedAPI, RoutedMiddleware
from handlers.openapi31.validation import ARGUMENTS

Handler = Callable[..., Any]
"""Returns an Answer; may be `async`."""
Extra = Callable[[Scope], object]
ExecutorOf = Callable[[Operation], Executor]
"""Returns the thread pool in which an operation's handler runs if it is not `async`."""


class Bound:
    """A handler and how its arguments are read."""

    def __init__(self, operation: Operation, handler: Handler, extras: Mapping[str, Extra], executor: Executor) -> None:
        self._executor = executor
        self._name = operation.operation_id
        self._handler = handler
        self._is_async = _is_async(handler)
        wanted = {parameter.name: parameter for parameter in _wanted(handler)}
        offered = _offered(operation, extras)
        _compare(operation, wanted, offered)
        takes = offered & (set(wanted) | (offered - set(extras) if _takes_all(wanted) else set()))
        self._extras = {name: extra for name, extra in extras.items() if name in takes}
        self._caller = "caller" in takes
        self._declared = tuple(takes - set(extras) - {"caller"})
        self._absent = {name: None for name in self._declared if name in wanted and _has_no_default(wanted[name])}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arguments = self._arguments(scope)
        if self._is_async:
            answer = await self._handler(**arguments)
        else:
            # It costs half as much as AnyIO's thread pool, which Starlette uses.
            work = partial(copy_context().run, self._handler, **arguments)
            answer = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        if not isinstance(answer, Answer):
            raise TypeError(f"the handler of {self._name} returned {type(answer).__name__}, not an Answer")
        await send_answer(answer, scope, receive, send)

    def _arguments(self, scope: Scope) -> dict[str, Any]:
        values = scope[ARGUMENTS]
        arguments = {**self._absent, **{name: values[name] for name in self._declared if name in values}}
        if self._caller:
            arguments["caller"] = scope[CALLER]
        for name, extra in self._extras.items():
            arguments[name] = extra(scope)
        return arguments


def _offered(operation: Operation, extras: Mapping[str, Extra]) -> set[str]:
    parameters = {parameter.argument for parameter in operation.parameters}
    others = {"caller", *extras, *(["body"] if operation.body else [])}
    if both := parameters & (others | {"body"}):
        raise DocumentError(f"{operation.operation_id}: parameters cannot be called {', '.join(sorted(both))}")
    return parameters | others


def _compare(operation: Operation, wanted: Mapping[str, inspect.Parameter], offered: set[str]) -> None:
    required = {parameter.argument for parameter in operation.parameters if parameter.required}
    required |= {"body"} if operation.body else set()
    named = {name for name, one in wanted.items() if one.kind is not one.VAR_KEYWORD}
    if unknown := named - offered:
        raise DocumentError(f"the handler of {operation.operation_id} asks for {_listed(unknown)}, unknown there")
    if not _takes_all(wanted) and (ignored := required - named):
        raise DocumentError(f"the handler of {operation.operation_id} does not take {_listed(ignored)}")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _wanted(handler: Handler) -> Iterator[inspect.Parameter]:
    """Yield the handler's parameters, except those that a partial has set by keyword."""
    fixed = handler.keywords if isinstance(handler, partial) else {}
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL}:
            raise DocumentError(f"{handler} takes {parameter} by position only")
        if parameter.name not in fixed:
            yield parameter


def _takes_all(wanted: Mapping[str, inspect.Parameter]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in wanted.values())


def _has_no_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty


def _is_async(handler: Handler) -> bool:
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


class _API(RoutedAPI):  # type: ignore[misc]  # Connexion has no types
    def __init__(self, *args: object, extras: Mapping[str, Extra], executor: ExecutorOf, **options: object) -> None:
        super().__init__(*args, **options)
        self._extras, self._executor = extras, executor
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> Bound:
        ours = self.specification.document.operation(operation.operation_id)
        return Bound(ours, operation.function, self._extras, self._executor(ours))


class Dispatch(RoutedMiddleware):  # type: ignore[misc]  # Connexion has no types
    """The innermost application. It responds to HTTP only."""

    api_cls = _API

    def __init__(self, extras: Mapping[str, Extra], executor: ExecutorOf) -> None:
        super().__init__(_close)
        self._extras = extras
        self._executor = executor

    def add_api(self, specification: object, **options: object) -> None:
        """Pass the extras and the thread pools on."""
        super().add_api(specification, extras=self._extras, executor=self._executor, **options)


async def _close(_scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket that no middleware accepted."""
    await receive()
    await send({"type": "websocket.close"})
