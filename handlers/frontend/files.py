"""The files of a frontend that is built elsewhere, as Vite, webpack and others build them."""

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

_YEAR = "public, max-age=31536000, immutable"
_HASHED = re.compile(r"[.-](?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{8,}\.(?!html)[a-z0-9]+(\.map)?", re.ASCII)
"""A name with the hash of its content, such as `index-4f9c01ab.js`: its content never changes."""


class FrontendFiles:
    """The files of a folder. A path without a file gets `index.html`, whose scripts know what to show there."""

    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder.resolve())

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Send a file, or `index.html` for a page. Return False if neither fits: a missing script is no page."""
        response = await self._find(scope)
        if response is None:
            return False
        await response(scope, receive, send)
        return True

    async def _find(self, scope: Scope) -> Response | None:
        path = scope["path"].strip("/")
        if _is_hidden(path):
            return None
        found = await self._response(path, scope) if path else None
        if found is not None:
            found.headers["Cache-Control"] = _YEAR if _HASHED.search(path) else "no-cache"
            return found
        if "." in path.rpartition("/")[2]:
            return None
        page = await self._response("index.html", scope)
        if page is not None:
            page.headers["Cache-Control"] = "no-cache"
        return page

    async def _response(self, path: str, scope: Scope) -> Response | None:
        try:
            return await self._files.get_response(path, scope)
        except (HTTPException, OSError, ValueError):  # no such file, or a name that no file can have
            return None


def _is_hidden(path: str) -> bool:
    """Return whether a part of the path starts with a dot, such as `.git`, or is no name of a file."""
    return "\0" in path or "\\" in path or any(part.startswith(".") for part in path.split("/"))
