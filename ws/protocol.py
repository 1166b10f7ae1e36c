"""What goes over a socket: messages as the document has them, and commands as clients send them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
import orjson
from msgspec import Meta

from domain.errors import BadRequest, Refusal
from domain.events import event_types
from domain.model import timestamps
from domain.model.event import Event
from domain.model.identifiers import new_id
from domain.runtime import ServiceLine

PATH = "/api/ws"
LONGEST = 64 * 1024

# As the document has it, but that Python's `$` would let a line end by.
Topic = Annotated[str, Meta(pattern=r"^(service:svc|logs:svc|deployment:dep|operation:op)_[0-9a-z]+\Z", max_length=80)]
Cursor = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """`SocketCommand` of the document."""

    action: Literal["subscribe", "unsubscribe"]
    topics: Annotated[list[Topic], Meta(min_length=1, max_length=100)]
    after: Cursor | None = None


_commands = msgspec.json.Decoder(Command)


def command(text: str) -> Command:
    """What a client wants; raises BadRequest with what is wrong."""
    try:
        return _commands.decode(text)
    except msgspec.MsgspecError as error:
        raise BadRequest("The command cannot be carried out", details=str(error)) from None


def hello(newest: int) -> str:
    """The first message."""
    return _text({"type": "hello", "seq": newest})


def event(one: Event) -> str:
    """An event."""
    return _text(event_types.event_json(one))


def subscribed(topics: Sequence[str]) -> str:
    """The answer to a command."""
    return _text({"type": "subscribed", "topics": topics})


def refused(refusal: Refusal) -> str:
    """The answer to a command that is not carried out, or news of a topic that is not followed any more."""
    error = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
    return _text({"type": "error", "error": error})


def logs(service_id: str, customer_id: str | None, lines: Sequence[ServiceLine], at: datetime) -> str:
    """Lines that containers of a service printed."""
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
