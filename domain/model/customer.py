"""Customers: the tenants of the panel."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.hidden import HIDDEN


class TenantStatus(StrEnum):
    """Whether a customer or an organization may use the panel. It is independent of the status of a subscription."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass
class Customer:
    """A tenant. Its services and credentials are invisible to other tenants.

    `notes` are for the panel's staff alone.
    """

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    contact_email: str | None = None
    status: TenantStatus = TenantStatus.ACTIVE
    organization_id: str | None = None
    notes: str = field(default="", metadata=HIDDEN)
    revision: int = 1
