"""Volumes: where the containers of a service keep their data."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class VolumeMount:
    """The path at which a component mounts a volume."""

    component: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class Attachment:
    """A volume that a definition mounts besides those of its compose text.

    `host_path` is a directory of the host that is mounted instead of a volume of the engine's.
    """

    name: str
    component: str
    path: str
    read_only: bool = False
    host_path: str | None = None


@dataclass
class Volume:
    """A volume of a service.

    `name` is unique within the service. `mounts` are those of the live deployment, or of the attachment if it is
    `attached`; without any, the engine keeps the data for later. `backup`: backups of the service include it.
    `size_bytes` is what the engine reported at `measured_at`.
    """

    id: str
    service_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    mounts: tuple[VolumeMount, ...] = ()
    attached: bool = False
    host_path: str | None = None
    backup: bool = True
    size_bytes: int | None = None
    measured_at: datetime | None = None
    revision: int = 1
