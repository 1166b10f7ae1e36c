"""The panel's own pages: what a browser says about the page that a request comes from."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.settings import Settings
from handlers.edge.request_head import RequestHead

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class _Origin:
    scheme: str
    name: str
    port: int


def is_from_own_page(settings: Settings, head: RequestHead) -> bool:
    """Return whether a browser says that the request comes from one of the panel's own pages."""
    if head.origin is None:
        return head.header("sec-fetch-site") == ["same-origin"]
    return same_origin(settings, head.origin, ", ".join(head.header("host")))


def same_origin(settings: Settings, origin: str | None, host: str) -> bool:
    """Return whether the header `Origin` names the panel, by its public URL or by the request's `Host`.

    No browser lets a page choose `Host`, so the panel may be reached by other names than its public one.
    """
    scheme, _, place = (origin or "").lower().partition("://")
    page, public = _parse(scheme, place), _public(settings)
    if page is None or _is_downgrade(page, public):
        return False
    return page in (public, _parse(scheme, host.lower()))


def _parse(scheme: str, host: str) -> _Origin | None:
    match = _HOST.fullmatch(host)
    if scheme not in _PORTS or match is None:
        return None
    return _Origin(scheme, match["name"], int(match["port"] or _PORTS[scheme]))


def _public(settings: Settings) -> _Origin | None:
    parts = urlsplit(settings.url.lower())
    return _parse(parts.scheme, parts.netloc)


def _is_downgrade(page: _Origin, public: _Origin | None) -> bool:
    """Return whether the page is the panel's name without its encryption: anybody on the way can write such a page."""
    return public is not None and page.name == public.name and (page.scheme, public.scheme) == ("http", "https")
