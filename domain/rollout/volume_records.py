"""Record which volumes a live deployment mounts, so that they are listed."""

from datetime import datetime

from domain.model.identifiers import new_id
from domain.model.operation import Operation
from domain.model.volume import Attachment, Volume, VolumeMount
from domain.ports import Ports
from domain.ports.progress import Change
from domain.ports.store import Work
from domain.rollout.release import Release

_MOST = 500  # of one service


def record_volumes(ports: Ports, release: Release) -> Change:
    """Return the change that records the volumes of a release that goes live.

    Volumes that nothing mounts any more stay recorded without mounts: the engine keeps their data.
    """
    now, mounted = ports.clock.now(), _mounts(release)

    def change(work: Work, _operation: Operation) -> None:
        service = work.services.get(release.service_id)
        attached = {attachment.name: attachment for attachment in service.definition.volumes} if service else {}
        mounts = mounted | {name: (mount_of(attachment),) for name, attachment in attached.items()}
        known = {volume.name: volume for volume in work.volumes.of_service(release.service_id)}
        for name in [name for name in mounts if name not in known][: max(0, _MOST - len(known))]:
            work.volumes.add(_new(release.service_id, name, mounts[name], attached.get(name), now))
        for name, volume in known.items():
            before = (volume.mounts, volume.attached)
            volume.mounts, volume.attached = mounts.get(name, ()), name in attached
            if before != (volume.mounts, volume.attached):
                volume.updated_at = now
                work.volumes.save(volume)

    return change


def _new(
    service_id: str, name: str, mounts: tuple[VolumeMount, ...], attachment: Attachment | None, now: datetime
) -> Volume:
    host_path = attachment.host_path if attachment else None
    return Volume(new_id("vol"), service_id, name, now, now, mounts, attachment is not None, host_path)


def mount_of(attachment: Attachment) -> VolumeMount:
    """Return where an attached volume is mounted."""
    return VolumeMount(attachment.component, attachment.path, attachment.read_only)


def _mounts(release: Release) -> dict[str, tuple[VolumeMount, ...]]:
    """Return the mounts of each volume of a release by its name within the service."""
    found: dict[str, tuple[VolumeMount, ...]] = {}
    for component in release.project.components:
        for mount in component.mounts if component.replicas else ():
            if mount.volume:
                own = VolumeMount(component.name, mount.path, mount.read_only)
                found[mount.volume] = (*found.get(mount.volume, ()), own)
    return found
