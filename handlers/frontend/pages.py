"""Serve the pages outside of `/api`. They take no credentials and count against no rate limit."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.settings import BadSetting, Settings
from handlers.conditional import not_modified
from handlers.frontend.files import FrontendFiles
from handlers.openapi31 import send_answer
from handlers.static_asset import StaticAsset

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_SAFE = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/panel.js": ("panel.js", "text/javascript; charset=utf-8"),
    "/panel.css": ("panel.css", "text/css; charset=utf-8"),
}
Respond = Callable[[Scope, Receive, Send], Awaitable[bool]]
"""Responds to a request and returns True, or returns False if there is no such page."""


class Frontend:
    """Responds to GET and HEAD outside of `/api` where there is a page, and passes all other requests on."""

    def __init__(self, app: ASGIApp, respond: Respond) -> None:
        self._app = app
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_page(scope) and await self._respond(scope, receive, _safe(send)):
            return
        await self._app(scope, receive, send)


def open_frontend(settings: Settings) -> Respond:
    """Return the pages of the settings. Raise BadSetting if the frontend's folder has none."""
    if not settings.frontend_dir:
        return _own_pages(login="provider" if settings.oidc_issuer else "key")
    folder = Path(settings.frontend_dir)
    if not (folder / "index.html").is_file():
        raise BadSetting(
            f"PANEL_FRONTEND_DIR is {folder}, which has no readable index.html; name the folder that has it"
        )
    return FrontendFiles(folder).respond


def _own_pages(login: str) -> Respond:
    """Return the panel's own page. `login` says how people sign in there."""
    here = files("handlers.frontend")
    contents = {path: (here / name).read_bytes() for path, (name, _) in _PAGES.items()}
    contents["/"] = contents["/"].replace(b"<body>", f'<body data-login="{login}">'.encode())
    assets = {path: StaticAsset(contents[path], media_type) for path, (_, media_type) in _PAGES.items()}

    async def respond(scope: Scope, receive: Receive, send: Send) -> bool:
        asset = assets.get(scope["path"])
        if asset is None:
            return False
        headers = Headers(scope=scope)
        answer = asset.answer(headers.get("accept-encoding", ""), **{"Cache-Control": "no-cache"})
        await send_answer(not_modified(answer, headers.get("if-none-match")), scope, receive, send)
        return True

    return respond


def _is_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    path = scope["path"]
    return path != "/api" and not path.startswith("/api/")


def _safe(send: Send) -> Send:
    """Add the headers that keep browsers from doing anything unforeseen with a page."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            raw = [(name.lower().encode(), value.encode()) for name, value in _SAFE.items()]
            message["headers"] = [*message.get("headers", ()), *raw]
        await send(message)

    return send_with_headers
