"""The JSON of the tag `plans`."""

from dataclasses import asdict

from domain.plans import PlanDetail
from handlers.serializers.values import Json, timestamp


def plan(detail: PlanDetail) -> Json:
    row = detail.plan
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "description": row.description,
        "quotas": asdict(row.quotas),
        "features": asdict(row.features),
        "default_size": asdict(row.default_size),
        "sort_order": row.sort_order,
        "subscribers": detail.subscribers,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }
