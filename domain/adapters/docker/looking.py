"""What the engine says of containers, in our words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from docker import APIClient
from docker.errors import NotFound

from domain.ports.runtime import Address, Container

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
YOUNG = re.compile(r"(?:Up|Exited \(\d+\)) (?:Less than a second|\d+ seconds?|About a minute)\b")


@dataclass(frozen=True)
class History:
    """What only an inspection tells; the list shows another name of the image when a tag has moved on."""

    image: str = ""
    restarts: int = 0
    started_at: datetime | None = None


def inspected(found: Mapping[str, Any]) -> Container:
    """From an inspection."""
    now, history = found["State"], _history(found)
    state = STATES.get(now["Status"], "exited")
    running = state == "running"
    return Container(
        name=found["Name"].removeprefix("/"),
        state=state,
        labels=found["Config"]["Labels"] or {},
        health=HEALTHS.get((now.get("Health") or {}).get("Status", "")) if running else None,
        exit_code=now["ExitCode"] if state == "exited" else None,
        address=_address(found) if running else None,
        image=history.image,
        restarts=history.restarts,
        started_at=history.started_at,
    )


def listed(found: Mapping[str, Any], history: History) -> Container:
    """From the list, which knows all but the history."""
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
        image=history.image or found["Image"],
        restarts=history.restarts,
        started_at=history.started_at,
    )


class Histories:
    """From inspections, asked for again only while there can be something new."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, History]] = {}

    def of(self, client: APIClient, found: Mapping[str, Any]) -> History:
        """For a container as the list shows it; nothing is known of one that has gone meanwhile."""
        identity, state = found["Id"], found["State"]
        before, history = self._known.get(identity, ("", History()))
        if before == state and _settled(found):
            return history
        try:
            history = _history(client.inspect_container(identity))
        except NotFound:
            return History()
        if len(self._known) > MANY:
            self._known.clear()
        self._known[identity] = (state, history)
        return history


def _history(found: Mapping[str, Any]) -> History:
    at = datetime.fromisoformat(found["State"]["StartedAt"])
    return History(found["Config"]["Image"], found["RestartCount"], at if at.year > 1 else None)


def _settled(found: Mapping[str, Any]) -> bool:
    return found["State"] != "restarting" and not YOUNG.match(found["Status"])


def _address(found: Mapping[str, Any]) -> Address | None:
    """Return an address in any of its networks: this host is connected to all of them."""
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = (network["IPAddress"] for _, network in sorted(networks.items()) if network.get("IPAddress"))
    return next((Address(address) for address in addresses), None)
