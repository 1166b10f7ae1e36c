"""Handlers of the tag `registries`."""

from typing import Unpack

from domain import registries
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import registries as serialize


def list_registries(ports: Ports, caller: Caller, **parameters: Unpack[registries.ListRegistriesParameters]) -> Answer:
    """GET /registries"""
    return answers.page(registries.list_registries(ports, caller, **parameters), serialize.registry)


def create_registry(ports: Ports, caller: Caller, body: registries.RegistryCreate, dry_run: bool = False) -> Answer:
    """POST /registries"""
    return answers.created(registries.create_registry(ports, caller, body, dry_run=dry_run), serialize.registry)


def get_registry(ports: Ports, caller: Caller, registry_id: str) -> Answer:
    """GET /registries/{registry_id}"""
    return answers.ok(registries.get_registry(ports, caller, registry_id), serialize.registry)


def update_registry(
    ports: Ports, caller: Caller, registry_id: str, body: registries.RegistryUpdate, if_match: str | None = None
) -> Answer:
    """PATCH /registries/{registry_id}"""
    return answers.ok(
        registries.update_registry(ports, caller, registry_id, body, if_match=if_match), serialize.registry
    )


def delete_registry(ports: Ports, caller: Caller, registry_id: str, if_match: str | None = None) -> Answer:
    """DELETE /registries/{registry_id}"""
    registries.delete_registry(ports, caller, registry_id, if_match=if_match)
    return answers.no_content()
