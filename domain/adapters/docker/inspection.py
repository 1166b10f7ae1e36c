"""Converts the engine's descriptions of containers."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from docker import APIClient
from docker.errors import NotFound

from domain.adapters.docker.files import IMAGE_LABEL
from domain.adapters.docker.host_paths import hide_host_paths
from domain.adapters.docker.output_text import safe_text
from domain.model.masking import CUT
from domain.ports.runtime import Address, Container, MountedVolume

MAX_CACHED = 10_000
MAX_HEALTH_OUTPUT = 300  # characters

State = Literal["created", "running", "exited"]
Health = Literal["starting", "healthy", "unhealthy"]
# A container that is restarting counts as exited.
STATES: dict[str, State] = {"created": "created", "running": "running", "paused": "running"}
HEALTHS: dict[str, Health] = {
    "starting": "starting",
    "health: starting": "starting",
    "healthy": "healthy",
    "unhealthy": "unhealthy",
}
# The list has exit code and health only in a text: `Exited (3) 2 minutes ago`, `Up 2 hours (unhealthy)`.
IN_BRACKETS = re.compile(r"\(([^)]*)\)")
RECENT = re.compile(r"(?:Up|Exited \(\d+\)) (?:Less than a second|\d+ seconds?|About a minute)\b")


@dataclass(frozen=True)
class Details:
    """Properties that only an inspection returns. The list has another name of the image once its tag has moved."""

    image: str = ""
    restarts: int = 0
    started_at: datetime | None = None


def from_inspection(inspection: Mapping[str, Any]) -> Container:
    """Convert the result of `/containers/{id}/json`."""
    status, details = inspection["State"], _details(inspection)
    state = STATES.get(status["Status"], "exited")
    running = state == "running"
    return Container(
        name=inspection["Name"].removeprefix("/"),
        state=state,
        labels=inspection["Config"]["Labels"] or {},
        health=HEALTHS.get((status.get("Health") or {}).get("Status", "")) if running else None,
        exit_code=status["ExitCode"] if state == "exited" else None,
        address=_address(inspection) if running else None,
        image=details.image,
        restarts=details.restarts,
        started_at=details.started_at,
        restarting=status["Status"] == "restarting",
        health_output=_health_output(status.get("Health") or {}),
        volumes=tuple(_volumes(inspection)),
    )


def _volumes(inspection: Mapping[str, Any]) -> Iterator[MountedVolume]:
    """Yield the volumes that a container mounts. A volume that was asked for without a name is of its own files."""
    asked = {posixpath.normpath(mount["Target"]): mount for mount in inspection["HostConfig"].get("Mounts") or ()}
    for mount in inspection.get("Mounts") or ():
        given = asked.get(posixpath.normpath(mount["Destination"]))
        if mount["Type"] == "volume" and (given is None or given.get("Source")):
            yield MountedVolume(mount["Name"], mount["Destination"], is_anonymous=given is None)


def own_volumes(inspection: Mapping[str, Any]) -> list[str]:
    """Return the names of the volumes that were made for the files of a container alone."""
    known = {volume.name for volume in _volumes(inspection)}
    volumes = [mount["Name"] for mount in inspection.get("Mounts") or () if mount["Type"] == "volume"]
    return [name for name in volumes if name not in known]


def from_listing(entry: Mapping[str, Any], details: Details) -> Container:
    """Convert an entry of `/containers/json`."""
    state = STATES.get(entry["State"], "exited")
    running = state == "running"
    bracketed = next(iter(IN_BRACKETS.findall(entry["Status"])), "")
    return Container(
        name=(entry["Names"] or [entry["Id"]])[0].removeprefix("/"),
        state=state,
        labels=entry["Labels"] or {},
        health=HEALTHS.get(bracketed) if running else None,
        exit_code=int(bracketed) if state == "exited" and bracketed.isdigit() else None,
        address=_address(entry) if running else None,
        image=details.image or entry["Image"],
        restarts=details.restarts,
        started_at=details.started_at,
        restarting=entry["State"] == "restarting",
    )


def _health_output(health: Mapping[str, Any]) -> str:
    """Return the first characters that the last health check printed, on one line."""
    output = "".join(str(entry["Output"]) for entry in (health.get("Log") or ())[-1:])
    text = hide_host_paths(safe_text(" ".join(output.split()).encode()))
    return text if len(text) <= MAX_HEALTH_OUTPUT else text[: MAX_HEALTH_OUTPUT - 1] + CUT


class DetailsCache:
    """Details of listed containers. A container is inspected again only if its details may have changed."""

    def __init__(self) -> None:
        self._cached: dict[str, tuple[str, Details]] = {}

    def get(self, client: APIClient, entry: Mapping[str, Any]) -> Details:
        """Return the details for an entry of the list; empty details if the container was removed meanwhile."""
        container_id, state = entry["Id"], entry["State"]
        cached_state, details = self._cached.get(container_id, ("", Details()))
        if cached_state == state and _is_stable(entry):
            return details
        try:
            details = _details(client.inspect_container(container_id))
        except NotFound:
            return Details()
        if len(self._cached) > MAX_CACHED:
            self._cached.clear()
        self._cached[container_id] = (state, details)
        return details


def _details(inspection: Mapping[str, Any]) -> Details:
    started_at = datetime.fromisoformat(inspection["State"]["StartedAt"])
    config = inspection["Config"]
    image = (config["Labels"] or {}).get(IMAGE_LABEL, config["Image"])
    return Details(image, inspection["RestartCount"], started_at if started_at.year > 1 else None)


def _is_stable(entry: Mapping[str, Any]) -> bool:
    """Return whether the container neither is restarting nor has started or ended within the last minute."""
    return entry["State"] != "restarting" and not RECENT.match(entry["Status"])


def _address(description: Mapping[str, Any]) -> Address | None:
    """Return an address in any of its networks: this host is connected to all of them."""
    networks = (description.get("NetworkSettings") or {}).get("Networks") or {}
    if "host" in networks:
        return Address("127.0.0.1")
    addresses = (network["IPAddress"] for _, network in sorted(networks.items()) if network.get("IPAddress"))
    return next((Address(address) for address in addresses), None)
