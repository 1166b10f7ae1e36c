"""The cookies of sessions and of logins: their names, their attributes, and how they are read."""

from urllib.parse import urlsplit

from domain.identity import login_attempts
from domain.model.session import Session
from domain.settings import Settings
from handlers.edge.request_head import RequestHead

_SESSION, _LOGIN = "session", "login"
_PATHS = {_SESSION: "/api", _LOGIN: "/api/auth/callback"}


def read(head: RequestHead) -> list[str]:
    """Return all values of the session cookie that a request carries."""
    return _values(head, _SESSION)


def read_login(head: RequestHead) -> str:
    """Return the value of the login cookie that a request carries; empty if it has none, or several."""
    values = _values(head, _LOGIN)
    return values[0] if len(values) == 1 else ""


def session_cookie(settings: Settings, text: str, session: Session) -> str:
    """Return the `Set-Cookie` value that gives a browser its session."""
    seconds = int((session.expires_at - session.created_at).total_seconds())
    return _set_cookie(settings, _SESSION, text, seconds)


def expired_cookie(settings: Settings) -> str:
    """Return the `Set-Cookie` value that removes the session cookie."""
    return _set_cookie(settings, _SESSION, "", 0)


def login_cookie(settings: Settings, text: str) -> str:
    """Return the `Set-Cookie` value that keeps a login until the browser comes back to the panel."""
    return _set_cookie(settings, _LOGIN, text, int(login_attempts.LIFETIME.total_seconds()))


def expired_login_cookie(settings: Settings) -> str:
    """Return the `Set-Cookie` value that removes the login cookie."""
    return _set_cookie(settings, _LOGIN, "", 0)


def _values(head: RequestHead, name: str) -> list[str]:
    pairs = (pair.strip() for header in head.header("cookie") for pair in header.split(";"))
    return [pair.partition("=")[2] for pair in pairs if pair.startswith(f"{name}=")]


def _set_cookie(settings: Settings, name: str, text: str, seconds: int) -> str:
    secure = "; Secure" if urlsplit(settings.url).scheme == "https" else ""
    return f"{name}={text}; Path={_PATHS[name]}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
