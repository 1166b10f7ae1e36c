"""Handlers of the tag `volumes`."""

from typing import Unpack

from domain import volumes
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import volumes as serialize


def list_volumes(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[volumes.ListVolumesParameters]
) -> Answer:
    """GET /services/{service_id}/volumes"""
    return answers.page(volumes.list_volumes(ports, caller, service_id, **parameters), serialize.volume)


def create_volume(ports: Ports, caller: Caller, service_id: str, body: volumes.VolumeCreate) -> Answer:
    """POST /services/{service_id}/volumes"""
    return answers.created(volumes.create_volume(ports, caller, service_id, body), serialize.volume)


def update_volume(
    ports: Ports,
    caller: Caller,
    service_id: str,
    volume_id: str,
    body: volumes.VolumeUpdate,
    if_match: str | None = None,
) -> Answer:
    """PATCH /services/{service_id}/volumes/{volume_id}"""
    return answers.ok(
        volumes.update_volume(ports, caller, service_id, volume_id, body, if_match=if_match), serialize.volume
    )


def delete_volume(
    ports: Ports,
    caller: Caller,
    service_id: str,
    volume_id: str,
    data: volumes.Data = "keep",
    if_match: str | None = None,
) -> Answer:
    """DELETE /services/{service_id}/volumes/{volume_id}"""
    volumes.delete_volume(ports, caller, service_id, volume_id, data=data, if_match=if_match)
    return answers.no_content()
