"""Handlers of the tag `services`."""

from typing import Unpack

from domain import operations, services
from domain.identity.access import Caller
from domain.ports import Ports
from domain.services.create import ServiceCreate
from domain.services.delete import Volumes
from domain.services.read import ListServicesParameters
from domain.services.update import ServiceUpdate
from domain.services.validate import ServiceCheck
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import services as serialize
from handlers.waiting import wait_for_deletion


def list_services(ports: Ports, caller: Caller, **parameters: Unpack[ListServicesParameters]) -> Answer:
    """GET /services"""
    return answers.page(services.list_services(ports, caller, **parameters), serialize.service_summary)


def create_service(ports: Ports, caller: Caller, body: ServiceCreate, dry_run: bool = False) -> Answer:
    """POST /services"""
    return answers.created(services.create_service(ports, caller, body, dry_run=dry_run), serialize.service)


def validate_service(ports: Ports, caller: Caller, body: ServiceCheck) -> Answer:
    """POST /services/validate"""
    return answers.ok(services.validate_service(ports, caller, body), serialize.service_report)


def get_service(ports: Ports, caller: Caller, service_id: str) -> Answer:
    """GET /services/{service_id}"""
    return answers.ok(services.get_service(ports, caller, service_id), serialize.service)


def update_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: ServiceUpdate,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PATCH /services/{service_id}"""
    return answers.changed(
        services.update_service(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run), serialize.service
    )


async def delete_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    volumes: Volumes = "keep",
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """DELETE /services/{service_id}"""
    return await wait_for_deletion(
        ports,
        lambda: services.delete_service(ports, caller, service_id, volumes=volumes, if_match=if_match, dry_run=dry_run),
        lambda operation_id: operations.get_operation(ports, caller, operation_id),
    )


def export_service(ports: Ports, caller: Caller, service_id: str) -> Answer:
    """GET /services/{service_id}/export"""
    return answers.ok(services.export_service(ports, caller, service_id), serialize.service_export)
