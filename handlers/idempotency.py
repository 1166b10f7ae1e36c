"""Idempotency-Key: the first response is stored in the transaction of its effect, and repeated for the same key."""

import hashlib
from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature, signature
from typing import Any

import orjson

from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.store import IdempotentRequest
from handlers.openapi31 import Answer

Once = Callable[[Callable[[], str]], str]
"""Runs a function once for equal requests and returns its text to each of them."""


class IdempotentHandler:
    """A handler with the parameter Idempotency-Key in addition to its own."""

    def __init__(self, ports: Ports, operation_id: str, handler: Callable[..., Answer]) -> None:
        self._ports = ports
        self._operation_id = operation_id
        self._handler = handler
        self.__signature__ = _with_key(handler)

    def __call__(self, *, caller: Caller, idempotency_key: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """Return the stored response of this key, or call the handler and store its response.

        A key belongs to the session or API key that sent it. Raise Conflict if it was sent with other arguments.
        """
        if idempotency_key is None:
            return self._handler(caller=caller, **arguments)
        request = _request(caller, idempotency_key, self._operation_id, arguments)
        stored = self._ports.store.run_once(
            request, self._ports.clock.now(), lambda: _pack(self._handler(caller=caller, **arguments))
        )
        return _unpack(stored)


class AsyncIdempotentHandler:
    """A handler that waits for what it begins. Only the beginning, which it passes to `once`, is done once.

    No transaction is open while it waits. Equal requests wait for the same.
    """

    def __init__(self, ports: Ports, operation_id: str, handler: Callable[..., Awaitable[Answer]]) -> None:
        self._ports = ports
        self._operation_id = operation_id
        self._handler = handler
        self.__signature__ = _with_key(handler, without="once")

    async def __call__(self, *, caller: Caller, idempotency_key: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """Return the handler's response. Raise Conflict as `IdempotentHandler` does."""

        def once(act: Callable[[], str]) -> str:
            if idempotency_key is None:
                return act()
            request = _request(caller, idempotency_key, self._operation_id, arguments)
            return self._ports.store.run_once(request, self._ports.clock.now(), lambda: act().encode()).decode()

        return await self._handler(caller=caller, once=once, **arguments)


def _with_key(handler: Callable[..., object], without: str = "") -> Signature:
    inner = signature(handler)
    kept = [parameter for parameter in inner.parameters.values() if parameter.name != without]
    return inner.replace(parameters=[*kept, Parameter("idempotency_key", Parameter.KEYWORD_ONLY, default=None)])


def _request(caller: Caller, key: str, operation_id: str, arguments: dict[str, Any]) -> IdempotentRequest:
    request = orjson.dumps([operation_id, arguments], option=orjson.OPT_SORT_KEYS)
    return IdempotentRequest(caller.session_id or caller.id, key, hashlib.sha256(request).hexdigest())


def _pack(answer: Answer) -> bytes:
    return orjson.dumps([answer.status, answer.content, dict(answer.headers)])


def _unpack(stored: bytes) -> Answer:
    status, content, headers = orjson.loads(stored)
    return Answer(status, content, headers)
