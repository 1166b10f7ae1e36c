"""Login at the identity provider by the code flow of OpenID Connect, with PKCE, and its logout."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from domain.auth.sessions import new_session
from domain.errors import Conflict, InvalidToken
from domain.identity import login_attempts, people, tokens
from domain.identity.actions import sign_in
from domain.identity.provider_sessions import configured_provider
from domain.model.principal import PrincipalKind
from domain.model.session import Session
from domain.model.used_token import UsedToken
from domain.ports import Ports
from domain.ports.store import Work

_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_REPLAY = timedelta(hours=1)
"""How long a logout token is remembered; its expiry is checked, so that it cannot come later."""


class BackchannelLogout(TypedDict):
    """The body of `receive_backchannel_logout`."""

    logout_token: str


class FinishLoginParameters(TypedDict, total=False):
    """The query parameters of `finish_login`. The ID token names the issuer and the login too, and is signed."""

    code: str
    state: str
    error: str
    error_description: str
    iss: str
    session_state: str


@dataclass(frozen=True)
class LoginStarted:
    """Where the browser logs in, and the value of its cookie until it comes back."""

    url: str
    cookie: str


@dataclass(frozen=True)
class LoginFinished:
    """The session of a login, the value of its cookie, and the path to go on at."""

    session: Session
    cookie: str
    redirect: str


@dataclass(frozen=True)
class Browser:
    """What a browser that comes back from the identity provider is known by."""

    login_cookie: str
    device: str
    address: str


def start_login(ports: Ports, redirect: str = "/") -> LoginStarted:
    """Return where a browser logs in. `redirect` is the path to go to afterwards; anything but a path counts as `/`.

    Raise Unavailable if no identity provider is configured, or if it does not answer.
    """
    attempt = login_attempts.new_attempt(redirect, ports.clock.now())
    url = configured_provider(ports).login_url(login_attempts.request_of(ports, attempt))
    return LoginStarted(url, login_attempts.seal(ports, attempt))


def finish_login(ports: Ports, browser: Browser, **parameters: Unpack[FinishLoginParameters]) -> LoginFinished:
    """Create a session for the person that the code stands for, who becomes a user at the first login.

    Raise InvalidToken if the login was not started in this browser or the provider does not confirm it; Forbidden if
    the person may not use the panel.
    """
    provider = configured_provider(ports)
    attempt = login_attempts.open_sealed(ports, browser.login_cookie, parameters.get("state", ""))
    code = parameters.get("code")
    if not code or "error" in parameters:
        raise InvalidToken("The login was cancelled or refused at the identity provider", details="Start it again")
    id_token = provider.exchange_code(code, attempt.code_verifier, login_attempts.callback_url(ports))
    claims = provider.verify(id_token, {"nonce": attempt.nonce, "sub": None})
    person = people.from_claims(claims, ports.settings)
    sealed, now, cookie = ports.vault.encrypt(id_token), ports.clock.now(), tokens.new_cookie()
    try:
        with ports.store.begin() as work:
            _use_once(work, f"state {attempt.state}", ports)
            user = people.save_user(work, person, now)
            session = new_session(user, cookie, now, device=browser.device, address=browser.address)
            session.provider_session_id, session.sealed_id_token = person.session, sealed
            work.sessions.add(session)
            sign_in(user, session.id)
    except Conflict:
        raise InvalidToken("The login was finished already", details="Start it again") from None
    return LoginFinished(session, cookie, attempt.redirect)


def receive_backchannel_logout(ports: Ports, body: BackchannelLogout) -> None:
    """End the sessions that a logout token of the identity provider names.

    The token is checked as OpenID Connect Back-Channel Logout 1.0, section 2.6, says. Raise InvalidToken if it is not
    one, or was sent before.
    """
    claims = configured_provider(ports).verify(body["logout_token"], {"jti": None})
    _check_logout(claims)
    try:
        with ports.store.begin() as work:
            _use_once(work, f"logout {claims['jti']}", ports)
            _end_sessions(work, str(claims.get("sid", "")), str(claims.get("sub", "")))
    except Conflict:
        raise InvalidToken("The logout token was used already") from None


def _check_logout(claims: Mapping[str, Any]) -> None:
    events = claims.get("events")
    is_logout = isinstance(events, dict) and isinstance(events.get(_LOGOUT_EVENT), dict)
    if not is_logout or "nonce" in claims or not (claims.get("sid") or claims.get("sub")):
        raise InvalidToken("The token is not a logout token")


def _end_sessions(work: Work, session: str, subject: str) -> None:
    """End the login `session`, or all of a person if the token names none."""
    user = work.users.by_subject(subject) if subject else None
    if session:
        work.sessions.remove_of_provider(session)
    elif user is not None:
        work.sessions.remove_of(PrincipalKind.USER, user.id)


def _use_once(work: Work, text: str, ports: Ports) -> None:
    """Raise Conflict if this text was used before."""
    work.used_tokens.add(UsedToken(tokens.digest(text), ports.clock.now() + _REPLAY))
