"""Who is calling: credentials are looked at once, at the edge; the document's security schemes read what was found."""

import asyncio
from collections.abc import Callable

from starlette.types import Scope

from domain.access import Caller
from domain.credentials import Desk
from domain.errors import Unauthenticated
from handlers.errors import REQUEST_ID
from handlers.openapi31 import CALLER

_FAULT = "panel.identity_fault"


async def identify(desk: Desk, scope: Scope) -> Caller | None:
    """The caller; why there is none is kept in the scope for `bearer`, since public operations do not care."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        return None
    try:
        scope[CALLER] = caller = await _authenticated(desk, scope, given)
    except Exception as fault:  # noqa: BLE001 - raised again by `bearer`, where it is answered and logged
        scope[_FAULT] = fault
        return None
    return caller


async def _authenticated(desk: Desk, scope: Scope, given: list[bytes]) -> Caller:
    if len(given) > 1 or not given[0].lower().startswith(b"bearer "):
        raise Unauthenticated("One Authorization header with the scheme Bearer is needed")
    # Half the price of AnyIO's thread pool, which Starlette would use.
    return await asyncio.to_thread(desk.authenticate, _text(given[0]), address(scope), scope[REQUEST_ID])


def _text(authorization: bytes) -> str:
    return authorization.decode("latin-1").partition(" ")[2].strip()


def again(desk: Desk, scope: Scope) -> Callable[[], None]:
    """Another look at the credentials of a request that goes on; raises when they open less than they did."""

    def look() -> None:
        (given,) = (value for name, value in scope["headers"] if name == b"authorization")
        if not scope[CALLER].permissions <= desk.recognise(_text(given), address(scope), "").permissions:
            raise Unauthenticated("The key may do less than when the request began")

    return look


async def bearer(scope: Scope, _required_scopes: tuple[str, ...]) -> Caller | None:
    """The security function of `bearerAuth`; raises what kept the panel from finding out whose key it is."""
    fault = scope.get(_FAULT)
    if fault is not None and not isinstance(fault, Unauthenticated):
        raise fault
    found: Caller | None = scope.get(CALLER)
    return found


def address(scope: Scope) -> str:
    """Where the request comes from; the server has put right what a trusted proxy forwarded."""
    client = scope.get("client")
    return client[0] if client else ""
