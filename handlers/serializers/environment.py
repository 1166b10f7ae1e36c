"""The JSON of a service's environment."""

from collections.abc import Mapping

from domain.environment import Environment
from handlers.serializers.services import variable
from handlers.serializers.values import Json


def environment(result: Environment) -> Json:
    service = result.service
    return {
        "service_id": service.id,
        "version": service.environment_revision,
        "variables": [variable(stored) for stored in service.definition.variables],
        "pending_changes": result.pending_changes,
    }


def revealed_environment(service_id: str, values: Mapping[str, str]) -> Json:
    return {"service_id": service_id, "values": values}
