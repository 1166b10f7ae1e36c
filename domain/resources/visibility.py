"""Get a resource as a caller sees it. Resources of other tenants do not exist for the caller."""

from typing import Protocol, TypeVar

from domain.errors import Conflict, Invalid
from domain.identity.access import Caller, not_found, sees
from domain.model.operation import Kind
from domain.model.service import Service
from domain.ports.repository import Repository
from domain.ports.store import Work


class Owned(Protocol):
    """A resource that may belong to a customer."""

    @property
    def customer_id(self) -> str | None: ...


OwnedT = TypeVar("OwnedT", bound=Owned)


def get_visible(caller: Caller, repository: Repository[OwnedT], noun: str, entity_id: str) -> OwnedT:
    """Return the resource. Raise NotFound if it does not exist or belongs to another tenant; `noun` names it."""
    entity = repository.get(entity_id)
    if entity is None or not sees(caller, entity.customer_id):
        raise not_found(noun, entity_id)
    return entity


def choose_owner(caller: Caller, customer_id: str | None) -> str | None:
    """Return the customer that a new resource belongs to. Raise Invalid if a caller names another than its own."""
    if caller.customer_id is not None and customer_id not in (None, caller.customer_id):
        raise Invalid({"customer_id": "is not your customer: leave it out"})
    return caller.customer_id or customer_id


def get_visible_service(caller: Caller, work: Work, service_id: str) -> Service:
    """Return the service, or raise NotFound."""
    return get_visible(caller, work.services, "Service", service_id)


def get_changeable_service(caller: Caller, work: Work, service_id: str) -> Service:
    """Return the service that the caller is about to change. Raise Conflict if it is being deleted."""
    service = get_visible_service(caller, work, service_id)
    if any(operation.kind == Kind.DELETE for operation in work.operations.unfinished(service.id)):
        raise Conflict(f"Cannot change {service.name}: it is being deleted", code="wrong_state")
    return service
