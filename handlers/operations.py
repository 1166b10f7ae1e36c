"""Work that goes on, over HTTP."""

from typing import Unpack

from domain import operations
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.waiting import until_ended


def list_operations(ports: Ports, caller: Caller, **parameters: Unpack[operations.ListOperationsParameters]) -> Answer:
    """GET /operations"""
    return answers.page(operations.list_operations(ports, caller, **parameters))


async def get_operation(ports: Ports, caller: Caller, operation_id: str, wait: int = 0) -> Answer:
    """GET /operations/{operation_id}"""
    return answers.ok(await until_ended(ports, wait, lambda: operations.get_operation(ports, caller, operation_id)))


def cancel_operation(ports: Ports, caller: Caller, operation_id: str) -> Answer:
    """POST /operations/{operation_id}/cancel"""
    return answers.accepted(operations.cancel_operation(ports, caller, operation_id))
