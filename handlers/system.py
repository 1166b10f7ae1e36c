"""Handlers of the tag `system`."""

from domain import system
from domain.identity.access import Caller
from domain.ports import Ports
from handlers.openapi31 import Answer
from handlers.serializers import system as serialize
from handlers.static_asset import DOCUMENT


async def get_openapi(ports: Ports, accept_encoding: str) -> Answer:  # noqa: ARG001
    """GET /openapi.yaml"""
    return DOCUMENT.answer(accept_encoding)


def get_health(ports: Ports, caller: Caller | None, probe: system.Probe = "live") -> Answer:
    """GET /health"""
    health = system.get_health(ports, caller, probe)
    return Answer(200 if health.status == "ok" else 503, serialize.health(health))
