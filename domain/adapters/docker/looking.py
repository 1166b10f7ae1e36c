"""What the engine says of containers, in our words."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from docker import APIClient
from docker.errors import NotFound

from domain.ports import Container

MANY = 10_000

State = Literal["created", "running", "exited"]
Health = Literal["starting", "healthy", "unhealthy"]
STATES: dict[str, State] = {"created": "created", "running": "running", "paused": "running"}
HEALTHS: dict[str, Health] = {
    "starting": "starting",
    "health: starting": "starting",
    "healthy": "healthy",
    "unhealthy": "unhealthy",
}
# `Exited (3) 2 minutes ago`, `Restarting (1) 4 seconds ago`, `Up 2 hours (unhealthy)`: the list says it in prose only.
BRACKETS = re.compile(r"\(([^)]*)\)")
YOUNG = re.compile(r"Up (Less than a second|\d+ seconds?|About a minute)\b")


def inspected(found: Mapping[str, Any]) -> Container:
    """From an inspection."""
    now = found["State"]
    state = STATES.get(now["Status"], "exited")
    running = state == "running"
    return Container(
        name=found["Name"].removeprefix("/"),
        state=state,
        labels=found["Config"]["Labels"] or {},
        health=HEALTHS.get((now.get("Health") or {}).get("Status", "")) if running else None,
        exit_code=now["ExitCode"] if state == "exited" else None,
        address=_address(found) if running else None,
        restarts=found["RestartCount"],
    )


def listed(found: Mapping[str, Any], restarts: int) -> Container:
    """From the list, which knows all but the restarts."""
    state = STATES.get(found["State"], "exited")
    running = state == "running"
    said = next(iter(BRACKETS.findall(found["Status"])), "")
    return Container(
        name=(found["Names"] or [found["Id"]])[0].removeprefix("/"),
        state=state,
        labels=found["Labels"] or {},
        health=HEALTHS.get(said) if running else None,
        exit_code=int(said) if state == "exited" and said.isdigit() else None,
        address=_address(found) if running else None,
        restarts=restarts,
    )


class Restarts:
    """Counts from inspections, asked for again only while they can have changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, int]] = {}

    def of(self, client: APIClient, found: Mapping[str, Any]) -> int:
        """For a container as the list shows it; 0 when it has gone meanwhile."""
        identity, state = found["Id"], found["State"]
        before, count = self._known.get(identity, ("", 0))
        if before == state and _settled(found):
            return count
        try:
            count = int(client.inspect_container(identity)["RestartCount"])
        except NotFound:
            return 0
        if len(self._known) > MANY:
            self._known.clear()
        self._known[identity] = (state, count)
        return count


def _settled(found: Mapping[str, Any]) -> bool:
    return found["State"] != "restarting" and not YOUNG.match(found["Status"])


def _address(found: Mapping[str, Any]) -> str | None:
    """Any of its networks will do: the host has a foot in each."""
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    return next((each["IPAddress"] for _, each in sorted(networks.items()) if each.get("IPAddress")), None)
