"""The JSON of the tag `deploy_hooks`."""

from domain.deploy_hooks.changes import DeployHookDetail
from domain.deploy_hooks.receiving import Receipt
from domain.model.deploy_hook import HookDelivery
from handlers.serializers.values import Json, timestamp


def deploy_hook(detail: DeployHookDetail) -> Json:
    hook = detail.hook
    return {
        "id": hook.id,
        "service_id": hook.service_id,
        "customer_id": hook.customer_id,
        "name": hook.name,
        "provider": hook.provider,
        "branch": hook.branch,
        "tag": hook.tag,
        "url": detail.url,
        "last_delivery": hook_delivery(hook.last_delivery) if hook.last_delivery else None,
        "created_at": timestamp(hook.created_at),
    }


def deploy_hook_with_secret(detail: DeployHookDetail) -> Json:
    return deploy_hook(detail) | {"secret": detail.secret}


def hook_delivery(delivery: HookDelivery) -> Json:
    return {
        "at": timestamp(delivery.at),
        "result": delivery.result,
        "ref": delivery.ref,
        "reason": delivery.reason,
        "deployment_id": delivery.deployment_id,
    }


def delivery_receipt(receipt: Receipt) -> Json:
    return {"result": receipt.result, "reason": receipt.reason, "deployment_id": receipt.deployment_id}
