"""Handlers of the tag `operations`."""

from typing import Unpack

from domain import operations
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import operations as serialize
from handlers.waiting import wait_until_finished


def list_operations(ports: Ports, caller: Caller, **parameters: Unpack[operations.ListOperationsParameters]) -> Answer:
    """GET /operations"""
    return answers.page(operations.list_operations(ports, caller, **parameters), serialize.operation)


async def get_operation(ports: Ports, caller: Caller, operation_id: str, wait: int = 0) -> Answer:
    """GET /operations/{operation_id}"""
    return answers.ok(
        await wait_until_finished(ports, wait, lambda: operations.get_operation(ports, caller, operation_id)),
        serialize.operation,
    )


def cancel_operation(ports: Ports, caller: Caller, operation_id: str) -> Answer:
    """POST /operations/{operation_id}/cancel"""
    return answers.accepted(operations.cancel_operation(ports, caller, operation_id), serialize.operation)
