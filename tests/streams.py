"""Read event streams (server-sent events) as a client does."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Event:
    """One server-sent event."""

    id: str | None = None
    kind: str = ""
    data: str = ""

    @property
    def line(self) -> dict[str, Any]:
        """The data, parsed as JSON."""
        return dict(json.loads(self.data))


def read_events(response: httpx.Response) -> Iterator[Event]:
    """Yield events as they arrive until the stream ends."""
    return read_lines(response.iter_lines())


def read_lines(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of the lines of a stream."""
    event = Event()
    for line in lines:
        name, _, value = line.partition(": ")
        if not line:
            yield event
            event = Event()
        elif name == "event":
            event.kind = value
        elif name == "id":
            event.id = value
        elif name == "data":
            event.data += value
