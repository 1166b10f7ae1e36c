"""The action that a request performs: who acts, on what. The store writes it to the audit record with each change."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from domain.identity.access import Caller
from domain.model.audit_event import ActorType
from domain.model.principal import Principal, PrincipalKind, kind_of


@dataclass(frozen=True)
class Actor:
    """Who acts. `address` is the client's IP address, `customer_id` the customer that the actor is bound to."""

    type: ActorType
    id: str | None = None
    name: str | None = None
    session_id: str | None = None
    address: str | None = None
    customer_id: str | None = None


SYSTEM = Actor(ActorType.SYSTEM, name="panel")
COMMAND_LINE = Actor(ActorType.SYSTEM, name="command line")


@dataclass
class Action:
    """An operation of the document that a request calls. `resource` is the type and ID that its path names, if any.

    `writes` is False for operations that only read: they are recorded if they change or reveal something.
    `recorded` is True once the audit record has an event of the action.
    """

    name: str
    actor: Actor
    request_id: str | None = None
    resource: tuple[str, str] | None = None
    writes: bool = True
    recorded: bool = False


_current: ContextVar[Action | None] = ContextVar("action", default=None)


def current_action() -> Action | None:
    """Return the action of the request that this code runs for; None for background work."""
    return _current.get()


@contextmanager
def performing(action: Action) -> Iterator[Action]:
    """Make the action the current one, also in the threads that the request's work is handed to."""
    token = _current.set(action)
    try:
        yield action
    finally:
        _current.reset(token)


def actor_of(caller: Caller | None, address: str) -> Actor:
    """Return the actor that a caller is; without a caller, an anonymous one."""
    if caller is None:
        return Actor(ActorType.ANONYMOUS, address=address)
    return Actor(ActorType(caller.kind), caller.id, caller.name, caller.session_id, address, caller.customer_id)


def act_as(caller: Caller, resource: tuple[str, str]) -> None:
    """Make a caller that the request itself proves to be the actor of the current action, on this resource."""
    action = current_action()
    if action is not None:
        action.actor, action.resource = actor_of(caller, caller.address), resource


def sign_in(principal: Principal, session_id: str) -> None:
    """Make the principal that has just logged in the actor of the current action."""
    action = current_action()
    if action is None:
        return
    kind = ActorType.USER if kind_of(principal) is PrincipalKind.USER else ActorType.API_KEY
    action.actor = replace(
        action.actor,
        type=kind,
        id=principal.id,
        name=principal.name,
        session_id=session_id,
        customer_id=principal.customer_id,
    )
