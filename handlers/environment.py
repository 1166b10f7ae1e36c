"""Handlers of the tag `environment`."""

from domain import environment
from domain.environment import EnvironmentReplacement, EnvironmentReveal, EnvironmentUpdate
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import environment as serialize


def get_environment(ports: Ports, caller: Caller, service_id: str) -> Answer:
    """GET /services/{service_id}/env"""
    return answers.ok(environment.get_environment(ports, caller, service_id), serialize.environment)


def replace_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: EnvironmentReplacement,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PUT /services/{service_id}/env"""
    return answers.ok(
        environment.replace_environment(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run),
        serialize.environment,
    )


def update_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: EnvironmentUpdate,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PATCH /services/{service_id}/env"""
    return answers.ok(
        environment.update_environment(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run),
        serialize.environment,
    )


def reveal_environment(ports: Ports, caller: Caller, service_id: str, body: EnvironmentReveal) -> Answer:
    """POST /services/{service_id}/env/reveal"""
    values = environment.reveal_environment(ports, caller, service_id, body)
    return Answer(200, serialize.revealed_environment(service_id, values), {"Cache-Control": "no-store"})
