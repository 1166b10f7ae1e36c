"""Deliveries of Git servers and pipelines: their signature is checked before anything else is done with them."""

import secrets
from dataclasses import dataclass

from domain.deploy_hooks.headers import Header
from domain.deploy_hooks.pushes import Push, read_push
from domain.deploy_hooks.signatures import is_authentic
from domain.deployments import deploy_pushed
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated
from domain.identity import budgets
from domain.identity.access import Caller
from domain.identity.actions import act_as, current_action
from domain.identity.permissions import ALL_PERMISSIONS
from domain.model.deploy_hook import DeployHook, HookDelivery, HookProvider, HookResult
from domain.model.deployment import Deployment
from domain.model.grant import Grant
from domain.model.principal import PrincipalKind
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.store import Work

_KEPT_DIGESTS = 2000
"""Of each hook: a delivery has at most two."""
_DENIED = tuple(sorted(ALL_PERMISSIONS - {"services.deploy"}))
_REPEATED = "delivery_repeated"


@dataclass(frozen=True)
class Receipt:
    """What a delivery did. `queued_operation_id` is the operation that runs the deployment."""

    result: HookResult
    reason: str | None = None
    deployment_id: str | None = None
    queued_operation_id: str | None = None


def receive_deploy_hook(ports: Ports, hook_id: str, body: bytes, header: Header, address: str) -> Receipt:
    """Deploy the service of a hook if the delivery is a push that the hook waits for.

    Raise Unauthenticated, always the same, unless the hook exists and the signature is valid; Conflict if the delivery
    was accepted before or the service cannot be deployed now; Invalid if the body cannot be used.
    """
    hook = _authenticated(ports, hook_id, body, header)
    caller = _caller(hook, address)
    act_as(caller, ("deploy_hook", hook.id))
    try:
        return _deliver(ports, hook, caller, read_push(hook, body, header, ports.clock.now()))
    except (Conflict, Forbidden, Invalid) as refusal:
        if refusal.code != _REPEATED:
            _record_refusal(ports, hook, refusal.code)
        raise


def _authenticated(ports: Ports, hook_id: str, body: bytes, header: Header) -> DeployHook:
    """Return the hook of a delivery with a valid signature. An unknown hook costs as much as a wrong signature."""
    with ports.store.read() as work:
        hook = work.deploy_hooks.get(hook_id)
    sealed = hook.secret if hook else ports.vault.encrypt(secrets.token_urlsafe(32))
    provider = hook.provider if hook else HookProvider.GENERIC
    authentic = is_authentic(provider, ports.vault.decrypt(sealed), body, header)
    if hook is None or not authentic:
        raise _unauthenticated()
    return hook


def _unauthenticated() -> Unauthenticated:
    return Unauthenticated(
        "The hook does not exist, or the signature is missing or wrong",
        details="Sign the body as it is sent with the secret of the hook. Create a new hook if the secret is lost",
    )


def _caller(hook: DeployHook, address: str) -> Caller:
    """Return the hook as a caller that can do nothing but deploy services of the customer, and gives no host access."""
    action = current_action()
    return Caller(
        id=hook.id,
        name=hook.name,
        grant=Grant(Role.OPERATOR, hook.customer_id, denied_permissions=_DENIED),
        created_at=hook.created_at,
        kind=PrincipalKind.DEPLOY_HOOK,
        address=address,
        request_id=(action.request_id if action else None) or "",
    )


def _deliver(ports: Ports, hook: DeployHook, caller: Caller, push: Push) -> Receipt:
    now = ports.clock.now()
    if push.reason is not None:
        ignored = HookDelivery(now, HookResult.IGNORED, push.ref, push.reason)
        with ports.store.begin() as work:
            _accept(work, hook, push, ignored)
        return Receipt(HookResult.IGNORED, push.reason)

    def accept(work: Work, deployment: Deployment) -> None:
        deployed = HookDelivery(now, HookResult.DEPLOYED, push.ref, deployment_id=deployment.id)
        _accept(work, hook, push, deployed)

    budgets.charge_hook(ports, hook.id)
    deployment = deploy_pushed(ports, caller, hook.service_id, accept)
    return Receipt(HookResult.DEPLOYED, None, deployment.id, deployment.operation_id)


def _accept(work: Work, hook: DeployHook, push: Push, delivery: HookDelivery) -> None:
    """Remember a delivery and record what it does. Raise Conflict if it was accepted before."""
    if work.deploy_hooks.get(hook.id) is None:  # it was deleted meanwhile
        raise _unauthenticated()
    if not work.deploy_hooks.remember(hook.id, push.digests, delivery.at, most=_KEPT_DIGESTS):
        raise Conflict("The delivery was accepted before", code=_REPEATED, details="Push again to deploy again")
    work.deploy_hooks.record_delivery(hook.id, delivery)


def _record_refusal(ports: Ports, hook: DeployHook, code: str) -> None:
    with ports.store.begin() as work:
        work.deploy_hooks.record_delivery(hook.id, HookDelivery(ports.clock.now(), HookResult.REFUSED, reason=code))
