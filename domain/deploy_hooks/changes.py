"""The deploy hooks of a service: listed, created and deleted."""

import secrets
from dataclasses import dataclass
from typing import NotRequired, TypedDict, Unpack

from domain.errors import Conflict, Invalid
from domain.identity.access import Caller, allow, not_found
from domain.model.deploy_hook import DeployHook, HookProvider
from domain.model.identifiers import new_id
from domain.ports import Ports
from domain.ports.repository import Page
from domain.resources.queries import paginate
from domain.resources.visibility import get_changeable_service, get_visible_service
from domain.settings import Settings

_MOST = 10
"""Hooks of one service."""


class ListDeployHooksParameters(TypedDict, total=False):
    """The query parameters of `list_deploy_hooks`."""

    page: int
    per_page: int


class DeployHookCreate(TypedDict):
    """The body of `create_deploy_hook`."""

    name: str
    provider: HookProvider
    branch: NotRequired[str | None]
    tag: NotRequired[str | None]


@dataclass(frozen=True)
class DeployHookDetail:
    """A hook and the URL to call. `secret` is shown only when the hook is created."""

    hook: DeployHook
    url: str
    secret: str | None = None


def list_deploy_hooks(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[ListDeployHooksParameters]
) -> Page[DeployHookDetail]:
    """Return a page of the hooks of a service, oldest first."""
    with ports.store.read() as work:
        hooks = work.deploy_hooks.of_service(get_visible_service(caller, work, service_id).id)
    details = [DeployHookDetail(hook, _url(ports.settings, hook)) for hook in hooks]
    return paginate(details, **parameters)


def create_deploy_hook(ports: Ports, caller: Caller, service_id: str, body: DeployHookCreate) -> DeployHookDetail:
    """Create a hook and return it with its secret, which is stored encrypted.

    Raise Forbidden if the caller may not deploy services itself, and Conflict if the service has too many hooks.
    """
    allow(caller, "services.deploy")
    branch, tag = body.get("branch"), body.get("tag")
    if branch is not None and tag is not None:
        raise Invalid({"tag": "cannot be combined with branch: create two hooks"})
    secret = secrets.token_urlsafe(32)
    sealed, now = ports.vault.encrypt(secret), ports.clock.now()
    with ports.store.begin() as work:
        service = get_changeable_service(caller, work, service_id)
        if len(work.deploy_hooks.of_service(service_id)) >= _MOST:
            raise Conflict(
                f"{service.name} has {_MOST} deploy hooks", code="too_many_hooks", details="Delete one that is not used"
            )
        hook = DeployHook(
            id=new_id("hook"),
            service_id=service_id,
            name=body["name"],
            provider=HookProvider(body["provider"]),
            secret=sealed,
            created_at=now,
            customer_id=service.customer_id,
            branch=branch,
            tag=tag,
        )
        work.deploy_hooks.add(hook)
    return DeployHookDetail(hook, _url(ports.settings, hook), secret)


def delete_deploy_hook(ports: Ports, caller: Caller, service_id: str, hook_id: str) -> None:
    """Delete a hook of a service."""
    with ports.store.begin() as work:
        get_visible_service(caller, work, service_id)
        hook = work.deploy_hooks.get(hook_id)
        if hook is None or hook.service_id != service_id:
            raise not_found("Deploy hook", hook_id)
        work.deploy_hooks.remove(hook_id)


def _url(settings: Settings, hook: DeployHook) -> str:
    return f"{settings.url}/api/hooks/{hook.id}"
