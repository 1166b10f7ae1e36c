"""The environment of a service, over HTTP."""

from domain import environment
from domain.environment import EnvironmentChange, EnvironmentReplacement, EnvironmentReveal
from domain.identity.access import Caller
from domain.ports import Ports
from domain.resources.revisions import etag
from handlers import answers
from handlers.openapi31 import Answer


def get_environment(ports: Ports, caller: Caller, service_id: str) -> Answer:
    """GET /services/{service_id}/env"""
    return _tagged(environment.get_environment(ports, caller, service_id))


def replace_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: EnvironmentReplacement,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PUT /services/{service_id}/env"""
    return _tagged(environment.replace_environment(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run))


def update_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: EnvironmentChange,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PATCH /services/{service_id}/env"""
    return _tagged(environment.update_environment(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run))


def reveal_environment(ports: Ports, caller: Caller, service_id: str, body: EnvironmentReveal) -> Answer:
    """POST /services/{service_id}/env/reveal"""
    values = environment.reveal_environment(ports, caller, service_id, body)
    return Answer(200, {"service_id": service_id, "values": values}, {"Cache-Control": "no-store"})


def _tagged(result: environment.Environment) -> Answer:
    return answers.ok(result, ETag=etag(result.revision))
