"""The security functions of the document's schemes. Most credentials are checked once, before the router."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from starlette.types import Scope

from domain.errors import Unauthenticated
from domain.identity.access import Caller, keeps_access
from domain.identity.authenticator import Authenticator
from domain.identity.validity import invalid_credential
from domain.settings import Settings
from handlers.edge import request_id
from handlers.edge.credentials import HTTP_SCHEMES, Scheme, authenticate, read_credential
from handlers.edge.request_head import from_scope
from handlers.openapi31 import CALLER

_FAULT = "panel.identity_fault"


async def identify(authenticator: Authenticator, settings: Settings, scope: Scope) -> Caller | None:
    """Return the caller of a request and keep it in the scope.

    If there is none, the reason is kept there for `identified_caller`: public operations do not care.
    """
    try:
        caller = await _authenticated(authenticator, settings, scope, HTTP_SCHEMES)
    except Exception as fault:  # noqa: BLE001 - raised again by `identified_caller`, where it is answered and logged
        scope[_FAULT] = fault
        return None
    if caller is not None:
        scope[CALLER] = caller
    return caller


async def identified_caller(scope: Scope, _required_scopes: tuple[str, ...]) -> Caller | None:
    """Return the caller that `identify` kept: the security function of `bearerAuth` and `cookieAuth`.

    Raise what kept the panel from finding out; None if the credential is missing or not valid.
    """
    fault = scope.get(_FAULT)
    if fault is not None and not isinstance(fault, Unauthenticated):
        raise fault
    caller: Caller | None = scope.get(CALLER)
    return caller


def query_security(
    authenticator: Authenticator, settings: Settings, scheme: Scheme
) -> Callable[[Scope, tuple[str, ...]], Awaitable[Caller]]:
    """Return the security function of a scheme in the query string. A ticket that is sent here is used up."""

    async def caller(scope: Scope, _required_scopes: tuple[str, ...]) -> Caller:
        found = await _authenticated(authenticator, settings, scope, (scheme,))
        if found is None:
            raise invalid_credential()
        return found

    return caller


async def _authenticated(
    authenticator: Authenticator, settings: Settings, scope: Scope, schemes: Sequence[Scheme]
) -> Caller | None:
    head = from_scope(scope)
    presented = read_credential(head, schemes)
    if presented is None:
        return None
    work = partial(authenticate, authenticator, settings, head, presented, scope[request_id.SCOPE_KEY])
    return (await presented.pool.run(work)).caller


def revalidation(authenticator: Authenticator, scope: Scope) -> Callable[[], None]:
    """Return a function that checks the credential of a running request again.

    It raises Unauthenticated if the caller may do less than when the request began.
    """
    caller: Caller = scope[CALLER]

    def revalidate() -> None:
        if not keeps_access(caller, authenticator.revalidate(caller)):
            raise Unauthenticated("Your permissions were reduced during the request")

    return revalidate
