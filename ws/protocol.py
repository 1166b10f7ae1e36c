"""Messages to clients and commands from clients, as the OpenAPI document defines them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
import orjson
from msgspec import Meta

from domain.errors import BadRequest, Refusal
from domain.model import timestamps
from domain.model.identifiers import new_id
from domain.runtime import ServiceLine
from handlers.openapi31.body import parse_json
from handlers.openapi31.errors import BadBody

PATH = "/api/ws"
MAX_MESSAGE_BYTES = 64 * 1024

# The document's pattern, with `\Z` in place of `$`: Python's `$` also matches before a final line break.
Topic = Annotated[str, Meta(pattern=r"^(service:svc|logs:svc|deployment:dep|operation:op)_[0-9a-z]+\Z", max_length=80)]
Cursor = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """The document's `SocketCommand`."""

    action: Literal["subscribe", "unsubscribe"]
    topics: Annotated[list[Topic], Meta(min_length=1, max_length=100)]
    after: Cursor | None = None


_MAX_DEPTH = 8


def parse_command(text: str) -> Command:
    """Return the command of a message. Raise BadRequest, with the reason, if it is not valid."""
    try:
        return msgspec.convert(parse_json(text.encode(), _MAX_DEPTH), Command)
    except BadBody as error:
        raise BadRequest("The command cannot be carried out", details=error.message) from None
    except msgspec.MsgspecError as error:
        raise BadRequest("The command cannot be carried out", details=str(error)) from None


def hello(newest: int) -> str:
    """Return the first message of a connection; `newest` is the number of the newest event."""
    return _text({"type": "hello", "seq": newest})


def subscribed(topics: Sequence[str]) -> str:
    """Return the reply to a command: all topics that the connection is subscribed to."""
    return _text({"type": "subscribed", "topics": topics})


def error_message(refusal: Refusal) -> str:
    """Return the reply to a command that failed, or the message that a topic's subscription failed."""
    error = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
    return _text({"type": "error", "error": error})


def logs(service_id: str, customer_id: str | None, lines: Sequence[ServiceLine], at: datetime) -> str:
    """Return the message of lines that containers of a service printed."""
    return _text(
        {
            "seq": None,
            "id": new_id("evt"),
            "type": "service.logs",
            "at": timestamps.format_time(at),
            "customer_id": customer_id,
            "resource": f"logs:{service_id}",
            "data": {"service_id": service_id, "lines": [_line(line) for line in lines]},
        }
    )


def _line(line: ServiceLine) -> dict[str, str]:
    return {
        "at": timestamps.format_time(line.at),
        "container": line.container,
        "component": line.component,
        "stream": line.stream,
        "text": line.text,
    }


def _text(message: object) -> str:
    return orjson.dumps(message).decode()
