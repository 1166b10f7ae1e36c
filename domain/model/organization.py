"""Organizations: groups of customers that share a subscription."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.model.customer import TenantStatus
from domain.model.hidden import HIDDEN


@dataclass
class Organization:
    """A group of customers. The limits of its subscription apply to the sum of what its customers have."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    contact_email: str | None = None
    status: TenantStatus = TenantStatus.ACTIVE
    notes: str = field(default="", metadata=HIDDEN)
    revision: int = 1
