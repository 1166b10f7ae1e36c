"""Idempotency-Key: the first response is stored in the transaction of its effect, and repeated for the same key."""

import hashlib
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import orjson

from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.store import IdempotentRequest
from handlers.openapi31 import Answer


class IdempotentHandler:
    """A handler with the parameter Idempotency-Key in addition to its own."""

    def __init__(self, ports: Ports, operation_id: str, handler: Callable[..., Answer]) -> None:
        self._ports = ports
        self._operation_id = operation_id
        self._handler = handler
        inner = signature(handler)
        key = Parameter("idempotency_key", Parameter.KEYWORD_ONLY, default=None)
        self.__signature__ = inner.replace(parameters=[*inner.parameters.values(), key])

    def __call__(self, *, caller: Caller, idempotency_key: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """Return the stored response of this key, or call the handler and store its response.

        A key belongs to the session or API key that sent it. Raise Conflict if it was sent with other arguments.
        """
        if idempotency_key is None:
            return self._handler(caller=caller, **arguments)
        request = IdempotentRequest(caller.session_id or caller.id, idempotency_key, self._digest(arguments))
        stored = self._ports.store.run_once(
            request, self._ports.clock.now(), lambda: _pack(self._handler(caller=caller, **arguments))
        )
        return _unpack(stored)

    def _digest(self, arguments: dict[str, Any]) -> str:
        request = orjson.dumps([self._operation_id, arguments], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(request).hexdigest()


def _pack(answer: Answer) -> bytes:
    return orjson.dumps([answer.status, answer.content, dict(answer.headers)])


def _unpack(stored: bytes) -> Answer:
    status, content, headers = orjson.loads(stored)
    return Answer(status, content, headers)
