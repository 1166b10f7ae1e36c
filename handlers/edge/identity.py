"""Who is calling: credentials are looked at once, at the edge; the document's security schemes read what was found."""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from starlette.types import Scope

from domain.errors import Forbidden, Unauthenticated
from domain.identity.access import Caller, may_still
from domain.identity.authenticator import Authenticator
from domain.model.session import Session
from domain.settings import Settings
from handlers.edge.errors import REQUEST_ID
from handlers.edge.origins import same_origin
from handlers.openapi31 import CALLER

_FAULT = "panel.identity_fault"
_COOKIE = "session"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


async def identify(authenticator: Authenticator, settings: Settings, scope: Scope) -> Caller | None:
    """The caller; why there is none is kept in the scope for `found`, since public operations do not care.

    A browser sends its cookie by itself, so any Authorization header wins over it: somebody wrote that.
    """
    keys, cookies = _sent(scope, b"authorization"), _cookies(scope)
    if not keys and not cookies:
        return None
    try:
        scope[CALLER] = caller = await (
            _by_key(authenticator, scope, keys) if keys else _by_cookie(authenticator, settings, scope, cookies)
        )
    except Exception as fault:  # noqa: BLE001 - raised again by `found`, where it is answered and logged
        scope[_FAULT] = fault
        return None
    return caller


async def _by_key(authenticator: Authenticator, scope: Scope, given: list[str]) -> Caller:
    scheme, _, text = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated("One Authorization header with the scheme Bearer is needed")
    # Half the price of AnyIO's thread pool, which Starlette would use.
    return await asyncio.to_thread(authenticator.by_api_key, text.strip(), address(scope), scope[REQUEST_ID])


async def _by_cookie(authenticator: Authenticator, settings: Settings, scope: Scope, given: list[str]) -> Caller:
    if len(given) > 1:
        raise Unauthenticated("One session cookie is needed")
    caller = await asyncio.to_thread(authenticator.by_session, given[0], address(scope), scope[REQUEST_ID])
    if scope["method"] not in _READING and not _is_from_own_page(settings, scope):
        raise Forbidden(
            "A page of another site may change nothing with your session",
            code="cross_site",
            details="Send Origin, or Sec-Fetch-Site: same-origin, as a browser does on the panel's own pages",
        )
    return caller


def _is_from_own_page(settings: Settings, scope: Scope) -> bool:
    page = origin(scope)
    if page is None:
        return _sent(scope, b"sec-fetch-site") == ["same-origin"]
    return same_origin(settings, page, ", ".join(_sent(scope, b"host")))


def _cookies(scope: Scope) -> list[str]:
    parts = (part.strip() for header in _sent(scope, b"cookie") for part in header.split(";"))
    return [part.partition("=")[2] for part in parts if part.startswith(f"{_COOKIE}=")]


def again(authenticator: Authenticator, scope: Scope) -> Callable[[], None]:
    """Another look at the credentials of a request that goes on; raises when they open less than they did."""
    caller = scope[CALLER]

    def look() -> None:
        if not may_still(caller, authenticator.revalidate(caller)):
            raise Unauthenticated("The key may do less than when the request began")

    return look


async def found(scope: Scope, _required_scopes: tuple[str, ...]) -> Caller | None:
    """The security function of `bearerAuth` and `cookieAuth`; raises what kept the panel from finding out who it is."""
    fault = scope.get(_FAULT)
    if fault is not None and not isinstance(fault, Unauthenticated):
        raise fault
    caller: Caller | None = scope.get(CALLER)
    return caller


async def ticket(authenticator: Authenticator, scope: Scope, _required_scopes: tuple[str, ...]) -> Caller:
    """The security function of `ticketAuth`: whoever shows a ticket here has used it up."""
    text = _in_query(scope, "ticket")
    caller, _ = await asyncio.to_thread(authenticator.by_ticket, text, origin(scope), address(scope), scope[REQUEST_ID])
    return caller


async def query_key(authenticator: Authenticator, scope: Scope, _required_scopes: tuple[str, ...]) -> Caller:
    """The security function of `queryKeyAuth`."""
    return await asyncio.to_thread(
        authenticator.by_api_key, _in_query(scope, "api_key"), address(scope), scope[REQUEST_ID]
    )


def _in_query(scope: Scope, name: str) -> str:
    """What a credential's parameter says; nothing when it is there twice."""
    given = [text for each, text in parse_qsl(scope["query_string"].decode("latin-1"), True) if each == name]
    return given[0] if len(given) == 1 else ""


def cookie(settings: Settings, text: str, session: Session) -> str:
    """The header that gives a browser its session."""
    return _cookie(settings, text, int((session.expires_at - session.created_at).total_seconds()))


def no_cookie(settings: Settings) -> str:
    """The header that takes it away."""
    return _cookie(settings, "", 0)


def _cookie(settings: Settings, text: str, seconds: int) -> str:
    secure = "; Secure" if urlsplit(settings.url).scheme == "https" else ""
    return f"{_COOKIE}={text}; Path=/api; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def address(scope: Scope) -> str:
    """Where the request comes from; the server has put right what a trusted proxy forwarded."""
    client = scope.get("client")
    return client[0] if client else ""


def origin(scope: Scope) -> str | None:
    """The page that a browser sends this from, as it says; None without a browser, no page when it is said twice."""
    return ", ".join(_sent(scope, b"origin")) or None


def user_agent(scope: Scope) -> str:
    """What the client says of itself."""
    return ", ".join(_sent(scope, b"user-agent"))


def _sent(scope: Scope, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == header]
