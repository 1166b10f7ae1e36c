"""Read services: the list, one with its details, and the export."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, Unpack

from domain.definitions.files import decode, digests
from domain.identity.access import Caller
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources.queries import list_query
from domain.resources.visibility import get_visible_service


class ListServicesParameters(TypedDict, total=False):
    """The query parameters of `list_services`."""

    page: int
    per_page: int
    sort: Literal["name", "status", "created_at", "updated_at"]
    order: Literal["asc", "desc"]
    search: str
    customer_id: str
    status: Literal["deploying", "running", "stopped", "failed"]
    template: str
    deploy_method: Literal["template", "compose", "image", "git"]


@dataclass(frozen=True)
class ServiceDetail:
    """A service with what other tables hold about it.

    `operation_id` is the oldest unfinished operation, `queued_operation_id` the one that this request queued.
    `pending_changes` is True if the live deployment has another definition. `custom_domains` are hosts.
    """

    service: Service
    deployment_id: str | None
    operation_id: str | None
    pending_changes: bool
    queued_operation_id: str | None = None
    custom_domains: tuple[str, ...] = ()

    @property
    def revision(self) -> int:
        """Return the revision of the service."""
        return self.service.revision


@dataclass(frozen=True)
class Export:
    """A service in portable form. `files` are the contents of files that are not secret, by path."""

    service: Service
    exported_at: datetime
    files: dict[str, bytes]

    @property
    def revision(self) -> int:
        """Return the revision of the service."""
        return self.service.revision


def list_services(ports: Ports, caller: Caller, **parameters: Unpack[ListServicesParameters]) -> Page[Service]:
    """Return a page of the services that the caller can see."""
    query = list_query(caller, parameters, filters=("status", "template", "deploy_method"))
    with ports.store.read() as work:
        return work.services.page(query)


def get_service(ports: Ports, caller: Caller, service_id: str) -> ServiceDetail:
    """Return the service with its details."""
    with ports.store.read() as work:
        return get_detail(work, get_visible_service(caller, work, service_id))


def export_service(ports: Ports, caller: Caller, service_id: str) -> Export:
    """Return the service's definition in portable form."""
    with ports.store.read() as work:
        service = get_visible_service(caller, work, service_id)
        contents = work.files.contents(service_id, digests(service.definition))
    plain = [file for file in service.definition.files if not file.secret]
    return Export(service, service.updated_at, decode(ports.vault, plain, contents))


def get_detail(work: Work, service: Service, queued_operation_id: str | None = None) -> ServiceDetail:
    """Return the service with its newest deployment, its unfinished operation and whether its definition is live."""
    newest, live_id = work.deployments.newest(service.id), service.live_deployment_id
    unfinished = work.operations.unfinished(service.id)
    live = newest if newest and newest.id == live_id else work.deployments.get(live_id) if live_id else None
    return ServiceDetail(
        service,
        deployment_id=newest.id if newest else None,
        operation_id=unfinished[0].id if unfinished else None,
        pending_changes=live is None or live.definition != service.definition,
        queued_operation_id=queued_operation_id,
        custom_domains=tuple(dict.fromkeys(domain.host for domain in work.custom_domains.of_service(service.id))),
    )
