"""Swagger UI at `/api/docs`, from files of the panel: it needs no internet, and a strict CSP applies."""

from dataclasses import replace
from importlib.resources import files

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.conditional import not_modified
from handlers.edge import errors
from handlers.openapi31 import Answer, MethodNotAllowed, send_answer
from handlers.static_asset import StaticAsset

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_SAFE = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "/start.js": ("start.js", "text/javascript; charset=utf-8"),
    "/swagger-ui.css": ("swagger-ui.css", "text/css; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
}


class Docs:
    """Responds to requests below `/api/docs` and passes all others on."""

    def __init__(self, app: ASGIApp, base_path: str = "/api") -> None:
        self._app = app
        here = files("handlers.docs")
        self._pages = {
            f"{base_path}/docs{path}": StaticAsset((here / name).read_bytes(), media_type)
            for path, (name, media_type) in _FILES.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._pages.get(scope["path"]) if scope["type"] == "http" else None
        if page is None:
            await self._app(scope, receive, send)
        else:
            await send_answer(_answer(page, scope), scope, receive, send)


def _answer(page: StaticAsset, scope: Scope) -> Answer:
    if scope["method"] not in ("GET", "HEAD"):
        refused = errors.answer(scope, MethodNotAllowed("GET, HEAD"))
        return replace(refused, headers={"Allow": "GET, HEAD"})
    headers = Headers(scope=scope)
    return not_modified(page.answer(headers.get("accept-encoding", ""), **_SAFE), headers.get("if-none-match"))
