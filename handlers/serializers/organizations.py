"""The JSON of the tag `organizations`."""

from domain.organizations import OrganizationDetail
from handlers.serializers.values import Json, timestamp


def organization(detail: OrganizationDetail) -> Json:
    row = detail.organization
    return {
        "id": row.id,
        "name": row.name,
        "contact_email": row.contact_email,
        "status": row.status,
        "notes": row.notes,
        "plan_id": detail.subscription.plan_id if detail.subscription else None,
        "customers": detail.customers,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }
