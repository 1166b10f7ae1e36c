"""The session cookie: its name, its attributes, and how it is read."""

from urllib.parse import urlsplit

from domain.model.session import Session
from domain.settings import Settings
from handlers.edge.request_head import RequestHead

_NAME = "session"


def read(head: RequestHead) -> list[str]:
    """Return all values of the session cookie that a request carries."""
    pairs = (pair.strip() for header in head.header("cookie") for pair in header.split(";"))
    return [pair.partition("=")[2] for pair in pairs if pair.startswith(f"{_NAME}=")]


def session_cookie(settings: Settings, text: str, session: Session) -> str:
    """Return the `Set-Cookie` value that gives a browser its session."""
    return _set_cookie(settings, text, int((session.expires_at - session.created_at).total_seconds()))


def expired_cookie(settings: Settings) -> str:
    """Return the `Set-Cookie` value that removes the session cookie."""
    return _set_cookie(settings, "", 0)


def _set_cookie(settings: Settings, text: str, seconds: int) -> str:
    secure = "; Secure" if urlsplit(settings.url).scheme == "https" else ""
    return f"{_NAME}={text}; Path=/api; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
