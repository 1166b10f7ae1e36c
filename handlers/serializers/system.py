"""The JSON of the panel's health."""

from dataclasses import asdict

from domain import system
from handlers.serializers.values import Json


def health(result: system.Health) -> Json:
    answered: Json = {"status": result.status, "version": result.version}
    if result.checks is not None:
        answered["checks"] = {name: asdict(check) for name, check in result.checks.items()}
    return answered
