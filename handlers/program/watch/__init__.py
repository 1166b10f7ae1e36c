"""What happens at a panel, shown as it happens: a client of its socket for a person, or for a program."""

from typing import Any, Protocol

from handlers.program.watch.key import KEY, read_key
from handlers.program.watch.messages import Message
from handlers.program.watch.panel import Panel
from handlers.program.watch.raw import Raw
from handlers.program.watch.screen import Screen
from handlers.program.watch.stream import Stream

__all__ = ["KEY", "Panel", "read_key", "show"]
_GOOD = "succeeded"
_BAD = frozenset({"failed", "cancelled", "rolled_back", "deleted"})


class Shown(Protocol):
    """Where messages go."""

    def show(self, message: Message) -> None:
        """A message that came."""

    def notice(self, text: str) -> None:
        """What is to be known of the watching itself."""

    def close(self) -> None:
        """Nothing more comes."""


def show(panel: Panel, service: str | None = None, *, as_json: bool = False, until_done: bool = False) -> bool:
    """Show what happens until there is nothing left to happen; whether what was waited for went well.

    Raises Refusal, with a message that a person understands, when the panel does not let it or is not there.
    """
    found = panel.service(service) if service else None
    screen: Shown = Raw() if as_json else Screen(panel)
    begun = _begun(panel, found, until_done=until_done)
    stream = Stream(panel, screen.notice, found["id"] if found else None, begun)
    try:
        for message in stream.messages():
            screen.show(message)
            ended = _ended(message, found, until_done=until_done)
            if ended is not None:
                return ended
    finally:
        screen.close()
    return False


def _begun(panel: Panel, service: dict[str, Any] | None, *, until_done: bool) -> int | None:
    """The number before the first event of the deployment that goes on: who comes late is told all of it.

    Whoever waits for its end is told of one that has ended already too.
    """
    newest = service and service["deployment_id"]
    if newest and (until_done or panel.deployment(newest)["finished_at"] is None):
        return panel.before(newest)
    return None


def _ended(message: Message, service: dict[str, Any] | None, *, until_done: bool) -> bool | None:
    """How the watching ends with this message; None when it goes on."""
    if service is None:
        return None
    if message.type == "service.status" and message.data["status"] == "deleted":
        return not until_done
    if until_done and message.data.get("deployment_id") == service["deployment_id"]:
        return _outcome(message)
    return None


def _outcome(message: Message) -> bool | None:
    if message.type != "deploy.progress" or message.data["status"] not in {_GOOD, *_BAD}:
        return None
    return bool(message.data["status"] == _GOOD)
