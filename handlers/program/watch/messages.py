"""Messages from the WebSocket, as received and parsed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson


@dataclass(frozen=True)
class Message:
    """A message from the WebSocket server (`from_server` in the document's `x-messages`)."""

    text: str

    @cached_property
    def body(self) -> dict[str, Any]:
        """The parsed message."""
        body: dict[str, Any] = orjson.loads(self.text)
        return body

    @property
    def type(self) -> str:
        """The message type, for example `service.status`."""
        return str(self.body["type"])

    @property
    def sequence(self) -> int | None:
        """The sequence number of the event; None if the message is not an event."""
        return self.body.get("seq") if self.type != "hello" else None

    @property
    def data(self) -> dict[str, Any]:
        """The payload of an event or of log lines; empty for other messages."""
        return dict(self.body.get("data", {}))
