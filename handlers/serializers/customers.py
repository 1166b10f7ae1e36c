"""The JSON of the tag `customers`."""

from domain.customers.reading import CustomerDetail
from domain.customers.usage import CustomerUsage, QuotaUsage
from domain.model.user import User
from handlers.serializers.values import Json, timestamp


def customer(detail: CustomerDetail) -> Json:
    row, used = detail.customer, detail.demand
    serialized = {
        "id": row.id,
        "name": row.name,
        "contact_email": row.contact_email,
        "status": row.status,
        "organization_id": row.organization_id,
        "notes": row.notes,
        "plan_id": detail.subscription.plan_id if detail.subscription else None,
        "subscription_id": detail.subscription.id if detail.subscription else None,
        "services": used.services,
        "usage": {"cpu": used.cpu, "memory_mb": used.memory_mb, "storage_mb": used.storage_mb},
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }
    if detail.welcome_mail is None:
        return serialized
    return {**serialized, "welcome_mail": detail.welcome_mail, "owner_id": detail.owner_id}


def customer_user(row: User) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "role": row.role,
        "enabled": row.enabled,
        "created_at": timestamp(row.created_at),
        "last_seen_at": timestamp(row.last_seen_at),
    }


def quota_usage(usage: QuotaUsage) -> Json:
    return {"used": usage.used, "limit": usage.limit, "percent": usage.percent}


def customer_usage(usage: CustomerUsage) -> Json:
    return {
        "customer_id": usage.customer_id,
        "plan_id": usage.plan_id,
        "month": usage.month,
        "services": quota_usage(usage.services),
        "cpu": quota_usage(usage.cpu),
        "memory_mb": quota_usage(usage.memory_mb),
        "storage_mb": quota_usage(usage.storage_mb),
        "bandwidth_mb_per_month": quota_usage(usage.bandwidth_mb_per_month),
    }
