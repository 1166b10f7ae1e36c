"""Handlers of the tag `deploy_hooks`."""

from typing import Unpack

from domain import deploy_hooks
from domain.deploy_hooks.changes import DeployHookCreate, ListDeployHooksParameters
from domain.deploy_hooks.headers import Header
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import deploy_hooks as serialize

_UNCACHED = {"Cache-Control": "no-store"}  # the answer holds the secret


def list_deploy_hooks(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[ListDeployHooksParameters]
) -> Answer:
    """GET /services/{service_id}/deploy-hooks"""
    return answers.page(deploy_hooks.list_deploy_hooks(ports, caller, service_id, **parameters), serialize.deploy_hook)


def create_deploy_hook(ports: Ports, caller: Caller, service_id: str, body: DeployHookCreate) -> Answer:
    """POST /services/{service_id}/deploy-hooks"""
    return answers.created(
        deploy_hooks.create_deploy_hook(ports, caller, service_id, body),
        serialize.deploy_hook_with_secret,
        **_UNCACHED,
    )


def delete_deploy_hook(ports: Ports, caller: Caller, service_id: str, hook_id: str) -> Answer:
    """DELETE /services/{service_id}/deploy-hooks/{hook_id}"""
    deploy_hooks.delete_deploy_hook(ports, caller, service_id, hook_id)
    return answers.no_content()


def receive_deploy_hook(ports: Ports, hook_id: str, body: bytes, header: Header, address: str) -> Answer:
    """POST /hooks/{hook_id}"""
    return answers.accepted(
        deploy_hooks.receive_deploy_hook(ports, hook_id, body, header, address), serialize.delivery_receipt
    )
