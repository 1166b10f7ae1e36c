"""Error responses that are written directly to a connection, because no application has its request."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import orjson

from domain.identity import budgets
from domain.ports import Ports
from handlers.edge import rate_limits, request_id
from handlers.edge.refusals import ErrorResponse

LINGER_SECONDS = 2.0  # for a client to read a response before its connection is cut


def send_error(ports: Ports, transport: asyncio.Transport, address: str, error: Callable[[str], ErrorResponse]) -> None:
    """Write an error and close the connection after a while. `error` returns it for the request's ID.

    The transport reads until then, and its protocol drops what it receives: unread data would reset the connection, and
    the client would not receive the error.
    """
    new_id = request_id.request_id(())
    budget = budgets.charge(ports, None, None, address)
    transport.write(_encode(error(new_id), {request_id.HEADER: new_id, **rate_limits.headers(budget)}))
    transport.write_eof()
    asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)


def close(transport: asyncio.Transport) -> None:
    """Close a connection after its data is sent, but cut it if the client does not read them in time."""
    transport.close()
    if transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)


def _encode(error: ErrorResponse, headers: dict[str, str]) -> bytes:
    body = orjson.dumps(error.body)
    length = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in {**error.headers, **length, **headers}.items()]
    status = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1") + body
