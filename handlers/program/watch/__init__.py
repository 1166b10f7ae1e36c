"""The command `watch`: print the events of a panel as they happen, for a person or for a program."""

from typing import Any, Protocol

from handlers.program.watch.json_output import JsonOutput
from handlers.program.watch.key import KEY, read_key
from handlers.program.watch.messages import Message
from handlers.program.watch.panel_client import PanelClient
from handlers.program.watch.screen import Screen
from handlers.program.watch.stream import Stream

__all__ = ["KEY", "PanelClient", "read_key", "show_events"]
_SUCCEEDED = "succeeded"
_UNSUCCESSFUL = frozenset({"failed", "cancelled", "rolled_back", "deleted"})


class Output(Protocol):
    """Where messages are printed."""

    def show(self, message: Message) -> None:
        """Print a message."""

    def notice(self, text: str) -> None:
        """Print a notice about the connection, for example that it is lost."""

    def close(self) -> None:
        """Release the output: nothing is printed after this."""


def show_events(
    panel: PanelClient, service: str | None = None, *, as_json: bool = False, until_done: bool = False
) -> bool:
    """Print events until `service` is deleted or, with `until_done`, its newest deployment has finished.

    Return whether the command succeeded. Without `service`, print the events of all services and never return. Raise
    Refusal, with a message for a person, when the panel refuses the request or does not answer.
    """
    resource = panel.service(service) if service else None
    output: Output = JsonOutput() if as_json else Screen(panel)
    after = _first_sequence(panel, resource, until_done=until_done)
    stream = Stream(panel, output.notice, resource["id"] if resource else None, after)
    try:
        for message in stream.messages():
            output.show(message)
            result = _result(message, resource, until_done=until_done)
            if result is not None:
                return result
    finally:
        output.close()
    return False


def _first_sequence(panel: PanelClient, service: dict[str, Any] | None, *, until_done: bool) -> int | None:
    """Return the number before the first event of the unfinished deployment, so that all its events are printed.

    With `until_done`, the newest deployment counts even if it has finished. None starts with new events.
    """
    newest = service and service["deployment_id"]
    if newest and (until_done or panel.deployment(newest)["finished_at"] is None):
        return panel.sequence_before(newest)
    return None


def _result(message: Message, service: dict[str, Any] | None, *, until_done: bool) -> bool | None:
    """Return the result of the command if this message is the last one, otherwise None."""
    if service is None:
        return None
    if message.type == "service.status" and message.data["status"] == "deleted":
        return not until_done
    if until_done and message.data.get("deployment_id") == service["deployment_id"]:
        return _deployment_result(message)
    return None


def _deployment_result(message: Message) -> bool | None:
    if message.type != "deploy.progress" or message.data["status"] not in {_SUCCEEDED, *_UNSUCCESSFUL}:
        return None
    return bool(message.data["status"] == _SUCCEEDED)
