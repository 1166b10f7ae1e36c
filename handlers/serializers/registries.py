"""The JSON of the tag `registries`."""

from domain.model.registry import Registry
from handlers.serializers.values import Json, timestamp


def registry(resource: Registry) -> Json:
    return {
        "id": resource.id,
        "name": resource.name,
        "host": resource.host,
        "username": resource.username,
        "customer_id": resource.customer_id,
        "shared": resource.shared,
        "last_login": {"at": timestamp(resource.login_at), "error": resource.login_error},
        "created_at": timestamp(resource.created_at),
        "updated_at": timestamp(resource.updated_at),
    }
