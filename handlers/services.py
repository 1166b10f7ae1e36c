"""Services, over HTTP."""

from typing import Unpack

from domain import operations, services
from domain.identity.access import Caller
from domain.ports import Ports
from domain.services.create import NewService
from domain.services.delete import Volumes
from domain.services.read import ListServicesParameters
from domain.services.update import ServiceChange
from domain.services.validate import ServiceCheck
from handlers import answers
from handlers.openapi31 import Answer
from handlers.waiting import deleted


def list_services(ports: Ports, caller: Caller, **parameters: Unpack[ListServicesParameters]) -> Answer:
    """GET /services"""
    return answers.page(services.list_services(ports, caller, **parameters))


def create_service(ports: Ports, caller: Caller, body: NewService, dry_run: bool = False) -> Answer:
    """POST /services"""
    return answers.created(services.create_service(ports, caller, body, dry_run=dry_run))


def validate_service(ports: Ports, caller: Caller, body: ServiceCheck) -> Answer:
    """POST /services/validate"""
    return answers.ok(services.validate_service(ports, caller, body))


def get_service(ports: Ports, caller: Caller, service_id: str) -> Answer:
    """GET /services/{service_id}"""
    return answers.ok(services.get_service(ports, caller, service_id))


def update_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: ServiceChange,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PATCH /services/{service_id}"""
    return answers.changed(services.update_service(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run))


async def delete_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    volumes: Volumes = "keep",
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """DELETE /services/{service_id}"""
    return await deleted(
        ports,
        lambda: services.delete_service(ports, caller, service_id, volumes=volumes, if_match=if_match, dry_run=dry_run),
        lambda operation_id: operations.get_operation(ports, caller, operation_id),
    )


def export_service(ports: Ports, caller: Caller, service_id: str) -> Answer:
    """GET /services/{service_id}/export"""
    return answers.ok(services.export_service(ports, caller, service_id))
