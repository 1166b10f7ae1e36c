"""The credentials that a request carries, and the caller that they lead to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from domain.errors import Forbidden
from domain.identity.access import Caller
from domain.identity.authenticator import Authenticator
from domain.identity.validity import invalid_credential
from domain.settings import Settings
from handlers.edge import cookies
from handlers.edge.origins import is_from_own_page
from handlers.edge.request_head import RequestHead
from handlers.edge.threads import AUTHENTICATION, TICKETS, Pool


class Scheme(Enum):
    """The ways to send a credential: `bearerAuth`, `ticketAuth`, `queryKeyAuth` and `cookieAuth` of the document."""

    BEARER = auto()
    TICKET = auto()
    QUERY_KEY = auto()
    COOKIE = auto()


# A browser sends its cookie by itself, so everything else takes precedence: somebody wrote that.
HTTP_SCHEMES = (Scheme.BEARER, Scheme.COOKIE)
WEBSOCKET_SCHEMES = (Scheme.BEARER, Scheme.TICKET, Scheme.QUERY_KEY, Scheme.COOKIE)


@dataclass(frozen=True)
class Presented:
    """A credential as a request carries it, not yet checked."""

    scheme: Scheme
    text: str

    @property
    def pool(self) -> Pool:
        """The threads in which `authenticate` is called for this credential."""
        return TICKETS if self.scheme is Scheme.TICKET else AUTHENTICATION


@dataclass(frozen=True)
class Authenticated:
    """The caller of a request. `topics` are those that its ticket is for; None for all."""

    caller: Caller
    topics: frozenset[str] | None = None


def read_credential(head: RequestHead, schemes: Sequence[Scheme]) -> Presented | None:
    """Return the credential of the first of these schemes that the request uses; None if it uses none of them.

    Raise Unauthenticated if it is given twice: proxies and servers disagree on which of the two counts.
    """
    for scheme in schemes:
        texts = _READERS[scheme](head)
        if len(texts) > 1:
            raise invalid_credential()
        if texts:
            return Presented(scheme, texts[0])
    return None


def is_present(head: RequestHead, schemes: Sequence[Scheme]) -> bool:
    """Return whether the request carries a credential of one of these schemes."""
    return any(_READERS[scheme](head) for scheme in schemes)


def authenticate(
    authenticator: Authenticator, settings: Settings, head: RequestHead, presented: Presented, request_id: str
) -> Authenticated:
    """Return the caller for a credential. It reads the database, so call it in a thread of `presented.pool`.

    Raise Unauthenticated if it is not valid, Forbidden if it is a cookie that a page of another site makes use of.
    """
    text, address = presented.text, head.address
    if presented.scheme is Scheme.TICKET:
        caller, topics = authenticator.by_ticket(text, head.origin, address, request_id)
        return Authenticated(caller, None if topics is None else frozenset(topics))
    if presented.scheme is not Scheme.COOKIE:
        return Authenticated(authenticator.by_api_key(text, address, request_id))
    caller = authenticator.by_session(text, address, request_id)
    if not head.is_safe and not is_from_own_page(settings, head):
        raise Forbidden(
            "Session cookies are accepted only from the panel's own pages",
            code="cross_site",
            details="Send Origin, or Sec-Fetch-Site: same-origin, as a browser does on the panel's own pages",
        )
    return Authenticated(caller)


def _bearer(head: RequestHead) -> list[str]:
    return [_bearer_text(value) for value in head.header("authorization")]


def _bearer_text(header: str) -> str:
    """Return the token; nothing, which is no key, for another scheme."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


_READERS: dict[Scheme, Callable[[RequestHead], list[str]]] = {
    Scheme.BEARER: _bearer,
    Scheme.TICKET: lambda head: head.parameter("ticket"),
    Scheme.QUERY_KEY: lambda head: head.parameter("api_key"),
    Scheme.COOKIE: cookies.read,
}
