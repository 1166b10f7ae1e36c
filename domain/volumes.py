"""Volumes of a service: list, attach, change and detach them. Data goes only when that is asked for."""

from dataclasses import replace
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, Unpack

from domain.definitions import host_binds
from domain.definitions.attachments import normalize_target
from domain.definitions.checked import CheckedDefinition, attach, check_new, main_component
from domain.definitions.files import digests
from domain.definitions.host_access import may_give_host_access
from domain.definitions.in_use import definitions_in_use
from domain.errors import Conflict, Forbidden, Invalid
from domain.identity.access import Caller, not_found
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.service import AnonymousVolumes, Service
from domain.model.volume import Attachment, Volume
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.runtime import EngineRefused
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.queries import paginate
from domain.resources.visibility import get_changeable_service, get_visible_service
from domain.rollout.admission import admit_definition
from domain.rollout.engine_volumes import engine_volumes
from domain.rollout.release import INSTANCE, SERVICE
from domain.rollout.volume_records import mount_of
from domain.tenancy.tenants import lock_tenant
from domain.work.queue import unfinished

_MOST_ATTACHED, _MOST = 50, 500  # of one service


class ListVolumesParameters(TypedDict, total=False):
    """The query parameters of `list_volumes`."""

    page: int
    per_page: int


class VolumeCreate(TypedDict):
    """The body of `create_volume`."""

    name: str
    mount_path: str
    component: NotRequired[str]
    read_only: NotRequired[bool]
    backup: NotRequired[bool]
    host_path: NotRequired[str]


class VolumeUpdate(TypedDict, total=False):
    """The body of `update_volume`."""

    mount_path: str
    read_only: bool
    backup: bool


Data = Literal["keep", "delete"]


def list_volumes(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[ListVolumesParameters]
) -> Page[Volume]:
    """Return a page of the volumes of a service, by name."""
    with ports.store.read() as work:
        get_visible_service(caller, work, service_id)
        return paginate(work.volumes.of_service(service_id), **parameters)


@revisions.retry_when_changed
def create_volume(ports: Ports, caller: Caller, service_id: str, body: VolumeCreate) -> Volume:
    """Attach a volume: a new one, or one of the service that nothing mounts. The next deployment mounts it.

    Raise Invalid if it cannot be mounted there, and Conflict if the service uses the name or its plan is used up.
    """
    now, host_path = ports.clock.now(), _resolve_host_path(ports, caller, body.get("host_path"))
    service, checked = _read(ports, caller, service_id)
    component, path = body.get("component") or main_component(checked), normalize_target(body["mount_path"])
    attachment = Attachment(body["name"], component, path, body.get("read_only", False), host_path)
    _require_attachable(checked, attachment)
    changed = attach(checked, (*checked.definition.volumes, attachment))
    with ports.store.begin() as work:
        _store(work, caller, service, changed, now)
        known = {volume.name: volume for volume in work.volumes.of_service(service_id)}
        volume = known.get(attachment.name)
        if volume is None:
            _require_new_name(attachment.name, len(known))
            volume = Volume(new_id("vol"), service_id, attachment.name, now, now)
        elif volume.mounts:
            raise _name_taken(attachment.name)
        return _save_attached(work, volume, attachment, body.get("backup", volume.backup), now)


@revisions.retry_when_changed
def update_volume(
    ports: Ports, caller: Caller, service_id: str, volume_id: str, body: VolumeUpdate, if_match: str | None = None
) -> Volume:
    """Change where an attached volume is mounted, and whether backups include a volume.

    Raise Conflict if the compose text or the image mounts it: they say where.
    """
    now, (service, checked) = ports.clock.now(), _read(ports, caller, service_id)
    with ports.store.read() as work:
        name = _get(work, service_id, volume_id).name
    attachment = next((attached for attached in checked.definition.volumes if attached.name == name), None)
    changed = _moved(checked, attachment, body) if body.keys() & {"mount_path", "read_only"} else None
    with ports.store.begin() as work:
        if changed:
            _store(work, caller, service, changed, now)
        else:
            get_changeable_service(caller, work, service_id)
        volume = _get(work, service_id, volume_id)
        revisions.match(if_match, volume.revision, "volume")
        if changed and attachment:
            attachment = next(attached for attached in changed.definition.volumes if attached.name == name)
            return _save_attached(work, volume, attachment, body.get("backup", volume.backup), now)
        volume.backup, volume.updated_at = body.get("backup", volume.backup), now
        work.volumes.save(volume)
        return volume


@revisions.retry_when_changed
def delete_volume(
    ports: Ports,
    caller: Caller,
    service_id: str,
    volume_id: str,
    *,
    data: Data = "keep",
    if_match: str | None = None,
) -> None:
    """Detach a volume; with `data="delete"`, remove its data too, which nothing may mount any more.

    Raise Conflict if the compose text or the image mounts it, or if containers still use the data to delete.
    """
    now, (service, checked) = ports.clock.now(), _read(ports, caller, service_id)
    with ports.store.read() as work:
        name = _get(work, service_id, volume_id).name
    changed = attach(checked, tuple(attached for attached in checked.definition.volumes if attached.name != name))
    with ports.store.begin() as work:
        if changed.definition != checked.definition:
            _store(work, caller, service, changed, now)
        current = get_changeable_service(caller, work, service_id)
        volume = _get(work, service_id, volume_id)
        revisions.match(if_match, volume.revision, "volume")
        _detach(work, current, volume, now)
        if data == "delete":
            _require_unused(work, current, volume)
    if data == "delete" and volume.host_path is None:
        _remove_data(ports, current, volume)
    if data == "delete" or volume.host_path is not None:
        _remove_row(ports, current, volume)


def _resolve_host_path(ports: Ports, caller: Caller, path: str | None) -> str | None:
    """Return the directory of the host without links. Raise Forbidden or Invalid if the caller may not attach it."""
    if path is None:
        return None
    if caller.role is not Role.ADMIN or caller.customer_id is not None:
        raise Forbidden("Only admins without a customer can attach directories of the host")
    resolved = host_binds.resolve(ports.settings.host_binds, path)
    if resolved is None:
        raise Invalid({"host_path": "is no directory that PANEL_HOST_BINDS allows"})
    return resolved


def _read(ports: Ports, caller: Caller, service_id: str) -> tuple[Service, CheckedDefinition]:
    with ports.store.read() as work:
        service = get_changeable_service(caller, work, service_id)
        contents = work.files.contents(service_id, digests(service.definition))
    access = may_give_host_access(ports.settings, caller, service.customer_id)
    return service, check_new(ports.vault, service.definition, contents, host_access=access)


def _store(work: Work, caller: Caller, before: Service, checked: CheckedDefinition, now: datetime) -> None:
    """Store a definition with other attached volumes, if the plan allows it and it is still the one that was read."""
    tenant = lock_tenant(work, now, before.customer_id)
    service = get_changeable_service(caller, work, before.id)
    revisions.require_unchanged(before.definition, service.definition)
    admit_definition(work, tenant, service, checked, deploys=False)
    service.updated_at = now
    work.services.save(service)


def _get(work: Work, service_id: str, volume_id: str) -> Volume:
    volume = work.volumes.get(volume_id)
    if volume is None or volume.service_id != service_id:
        raise not_found("Volume", volume_id)
    return volume


def _require_attachable(checked: CheckedDefinition, attachment: Attachment) -> None:
    if attachment.name in {*checked.project.volumes, *(attached.name for attached in checked.definition.volumes)}:
        raise _name_taken(attachment.name)
    if len(checked.definition.volumes) >= _MOST_ATTACHED:
        raise Conflict(f"The service has {_MOST_ATTACHED} attached volumes already", code="wrong_state")
    if ".." in attachment.name:
        raise Invalid({"name": "write no two dots in a row"})


def _name_taken(name: str) -> Conflict:
    return Conflict(f"The service mounts a volume {name} already", code="name_taken")


def _require_new_name(name: str, known: int) -> None:
    if known >= _MOST:
        raise Conflict(f"The service has {_MOST} volumes already", code="wrong_state")
    if name.startswith((".", "_")):
        raise Invalid({"name": "names of new volumes start with a letter or a digit"})


def _moved(checked: CheckedDefinition, attachment: Attachment | None, body: VolumeUpdate) -> CheckedDefinition:
    if attachment is None:
        raise Conflict(
            "The volume is not attached: the compose text or the image says where it is mounted, if it is",
            code="wrong_state",
            details="Change the compose text, or attach the volume",
        )
    path = normalize_target(body["mount_path"]) if "mount_path" in body else attachment.path
    moved = replace(attachment, path=path, read_only=body.get("read_only", attachment.read_only))
    return attach(
        checked, tuple(moved if attached == attachment else attached for attached in checked.definition.volumes)
    )


def _save_attached(work: Work, volume: Volume, attachment: Attachment, backup: bool, now: datetime) -> Volume:
    is_new = volume.created_at == now
    volume.mounts, volume.attached, volume.host_path = (mount_of(attachment),), True, attachment.host_path
    volume.backup, volume.updated_at = backup and attachment.host_path is None, now
    (work.volumes.add if is_new else work.volumes.save)(volume)
    return volume


def _detach(work: Work, service: Service, volume: Volume, now: datetime) -> None:
    """Take an attached volume out of the service. It shows its mounts until no deployment has it any more."""
    if not volume.attached:
        if volume.mounts and not _is_attached_in_use(work, service, volume):
            raise Conflict(
                f"The compose text or the image mounts {volume.name}",
                code="wrong_state",
                details="Remove it from the compose text and deploy; its data stays until it is deleted",
            )
        return
    volume.attached, volume.updated_at = False, now
    volume.mounts = volume.mounts if _is_attached_in_use(work, service, volume) else ()
    work.volumes.save(volume)


def _is_attached_in_use(work: Work, service: Service, volume: Volume) -> bool:
    definitions = definitions_in_use(work, service)
    return any(attached.name == volume.name for definition in definitions for attached in definition.volumes)


def _require_unused(work: Work, service: Service, volume: Volume) -> None:
    if volume.mounts or unfinished(work, service.id):
        raise Conflict(
            f"Containers of {service.name} use {volume.name}, or an operation may need it",
            code="in_use",
            details="Detach the volume, deploy the service, and delete the data then",
        )


def _remove_data(ports: Ports, service: Service, volume: Volume) -> None:
    existing = ports.runtime.volumes({INSTANCE: ports.instance, SERVICE: service.id})
    adopted = (service.anonymous_volumes or AnonymousVolumes()).adopted.values()
    for name in engine_volumes(service, volume, (*existing, *adopted)):
        try:
            ports.runtime.remove_volume(name)
        except EngineRefused:
            raise Conflict(
                f"A container uses {volume.name}",
                code="in_use",
                details="The version before the last deployment is kept for 30 seconds. Try again then",
            ) from None


def _remove_row(ports: Ports, before: Service, volume: Volume) -> None:
    """Remove the row of a volume whose data is gone, and forget the anonymous volume that was adopted for it."""
    with ports.store.begin() as work:
        service, current = work.services.get(before.id), work.volumes.get(volume.id)
        if current is None or current.attached:
            return
        work.volumes.remove(volume.id)
        known = service.anonymous_volumes if service else None
        if service and known and (gone := engine_volumes(service, volume, known.adopted.values())):
            adopted = {place: name for place, name in known.adopted.items() if name not in gone}
            service.anonymous_volumes = replace(known, adopted=adopted)
            work.services.save(service)
