"""Organizations: list, create, read, update and delete them."""

from dataclasses import dataclass, replace
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from domain.errors import Conflict
from domain.identity.access import Caller, not_found
from domain.model.customer import TenantStatus
from domain.model.identifiers import new_id
from domain.model.organization import Organization
from domain.model.subscription import Subscription, SubscriptionStatus
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.queries import query


class ListOrganizationsParameters(TypedDict, total=False):
    """The query parameters of `list_organizations`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["name", "created_at"]
    search: str
    status: TenantStatus


class OrganizationCreate(TypedDict):
    """The body of `create_organization`."""

    name: str
    contact_email: NotRequired[str | None]
    notes: NotRequired[str]


class OrganizationUpdate(TypedDict, total=False):
    """The body of `update_organization`."""

    name: str
    contact_email: str | None
    status: TenantStatus
    notes: str


@dataclass(frozen=True)
class OrganizationDetail:
    """An organization with its current subscription and the number of its customers."""

    organization: Organization
    subscription: Subscription | None
    customers: int

    @property
    def revision(self) -> int:
        """Return the revision of the organization."""
        return self.organization.revision


def list_organizations(
    ports: Ports,
    _caller: Caller,
    **parameters: Unpack[ListOrganizationsParameters],
) -> Page[OrganizationDetail]:
    """Return a page of organizations."""
    values: dict[str, Any] = {**parameters}
    filters = {"status": values.pop("status", None)}
    with ports.store.read() as work:
        page = work.organizations.page(query(**values, filters=filters))
        details = [_detail(work, organization) for organization in page.items]
    return Page(details, page.total, page.page, page.per_page)


def create_organization(ports: Ports, _caller: Caller, body: OrganizationCreate) -> OrganizationDetail:
    """Create an organization without customers and without a subscription."""
    now = ports.clock.now()
    organization = Organization(id=new_id("org"), created_at=now, updated_at=now, **body)
    with ports.store.begin() as work:
        work.organizations.add(organization)
    return OrganizationDetail(organization, None, 0)


def get_organization(ports: Ports, _caller: Caller, organization_id: str) -> OrganizationDetail:
    """Return the organization, or raise NotFound."""
    with ports.store.read() as work:
        return _detail(work, _get(work, organization_id))


def update_organization(
    ports: Ports, _caller: Caller, organization_id: str, body: OrganizationUpdate, if_match: str | None = None
) -> OrganizationDetail:
    """Apply a merge patch."""
    now = ports.clock.now()
    changes: dict[str, Any] = {**body}
    if "status" in body:
        changes["status"] = TenantStatus(body["status"])
    with ports.store.begin() as work:
        organization = _get(work, organization_id)
        revisions.match(if_match, organization.revision, "organization")
        organization = replace(organization, **changes, updated_at=now)
        work.organizations.save(organization)
        return _detail(work, organization)


def delete_organization(ports: Ports, _caller: Caller, organization_id: str, if_match: str | None = None) -> None:
    """Delete an organization. Raise Conflict while it has customers or a subscription that has not expired."""
    with ports.store.begin() as work:
        organization = _get(work, organization_id)
        revisions.match(if_match, organization.revision, "organization")
        owned = _owned(work, organization_id)
        if owned:
            raise Conflict(
                f"Cannot delete {organization.name}: it has {' and '.join(owned)}",
                code="in_use",
                details="Move its customers to another organization, and expire its subscription",
            )
        work.organizations.remove(organization_id)


def _owned(work: Work, organization_id: str) -> list[str]:
    """Return what keeps an organization from being deleted, in words."""
    detail = query(filters={"organization_id": organization_id}, per_page=1)
    unexpired = (SubscriptionStatus.ACTIVE, SubscriptionStatus.SUSPENDED)
    subscriptions = replace(detail, filters={**detail.filters, "status": unexpired})
    counts = {
        "customers": work.customers.page(detail).total,
        "subscriptions": work.subscriptions.page(subscriptions).total,
    }
    return [f"{count} {noun}" for noun, count in counts.items() if count]


def _get(work: Work, organization_id: str) -> Organization:
    organization = work.organizations.get(organization_id)
    if organization is None:
        raise not_found("Organization", organization_id)
    return organization


def _detail(work: Work, organization: Organization) -> OrganizationDetail:
    members = query(filters={"organization_id": organization.id}, per_page=1)
    current = work.subscriptions.current_of_organization(organization.id)
    return OrganizationDetail(organization, current, work.customers.page(members).total)
