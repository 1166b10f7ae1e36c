"""Idempotency-Key: the handler runs within the store's `once`, so that effect and answer are kept together."""

import hashlib
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import orjson

from domain.identity.access import Caller
from domain.ports import Ports
from domain.ports.store import Claim
from handlers.openapi31 import Answer


class Once:
    """A handler that takes an Idempotency-Key besides what it takes itself."""

    def __init__(self, ports: Ports, operation_id: str, handler: Callable[..., Answer]) -> None:
        self._ports = ports
        self._operation_id = operation_id
        self._handler = handler
        inner = signature(handler)
        key = Parameter("idempotency_key", Parameter.KEYWORD_ONLY, default=None)
        self.__signature__ = inner.replace(parameters=[*inner.parameters.values(), key])

    def __call__(self, *, caller: Caller, idempotency_key: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401
        """The answer that this key got before, or what the handler answers now."""
        if idempotency_key is None:
            return self._handler(caller=caller, **arguments)
        claim = Claim(caller.session_id or caller.id, idempotency_key, self._digest(arguments))
        kept = self._ports.store.once(
            claim, self._ports.clock.now(), lambda: _packed(self._handler(caller=caller, **arguments))
        )
        return _unpacked(kept)

    def _digest(self, arguments: dict[str, Any]) -> str:
        told = orjson.dumps([self._operation_id, arguments], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(told).hexdigest()


def _packed(answer: Answer) -> bytes:
    return orjson.dumps([answer.status, answer.content, dict(answer.headers)])


def _unpacked(kept: bytes) -> Answer:
    status, content, headers = orjson.loads(kept)
    return Answer(status, content, headers)
