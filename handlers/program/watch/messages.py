"""What came over the socket, as it came and read."""

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
        """All of it."""
        read: dict[str, Any] = orjson.loads(self.text)
        return read

    @property
    def type(self) -> str:
        """What kind of message it is."""
        return str(self.body["type"])

    @property
    def number(self) -> int | None:
        """Its place in the order of all events; None for what is no event."""
        return self.body.get("seq") if self.type != "hello" else None

    @property
    def data(self) -> dict[str, Any]:
        """What an event, or lines of a log, tell; empty for others."""
        return dict(self.body.get("data", {}))
