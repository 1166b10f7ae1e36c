"""The JSON of the tag `subscriptions`."""

from domain.model.subscription import Subscription
from handlers.serializers.values import Json, timestamp


def subscription(row: Subscription) -> Json:
    return {
        "id": row.id,
        "plan_id": row.plan_id,
        "customer_id": row.customer_id,
        "organization_id": row.organization_id,
        "status": row.status,
        "expires_at": timestamp(row.expires_at),
        "external_id": row.external_id,
        "metadata": row.metadata,
        "transitions": [
            {"status": change.status, "at": timestamp(change.at), "actor_id": change.actor_id}
            for change in row.transitions
        ],
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }
