"""The JSON of the tag `volumes`."""

from dataclasses import asdict

from domain.model.volume import Volume
from handlers.serializers.values import Json, timestamp


def volume(resource: Volume) -> Json:
    return {
        "id": resource.id,
        "service_id": resource.service_id,
        "name": resource.name,
        "mounts": [asdict(mount) for mount in resource.mounts],
        "attached": resource.attached,
        "host_path": resource.host_path,
        "backup": resource.backup,
        "size_mb": None if resource.size_bytes is None else round(resource.size_bytes / 2**20, 3),
        "measured_at": timestamp(resource.measured_at),
        "created_at": timestamp(resource.created_at),
        "updated_at": timestamp(resource.updated_at),
    }
