"""Which pages are the panel's own: what a browser says of the page that a request comes from."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.settings import Settings

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class _Origin:
    scheme: str
    name: str
    port: int


def same_origin(settings: Settings, origin: str | None, host: str) -> bool:
    """Whether the header `Origin` names the panel: by its public URL, or by the `Host` that the request came with.

    No browser lets a page choose `Host`, so the panel may be reached by more names than its public one.
    """
    scheme, _, place = (origin or "").lower().partition("://")
    page, public = _read(scheme, place), _public(settings)
    if page is None or _is_downgrade(page, public):
        return False
    return page in (public, _read(scheme, host.lower()))


def _read(scheme: str, host: str) -> _Origin | None:
    found = _HOST.fullmatch(host)
    if scheme not in _PORTS or found is None:
        return None
    return _Origin(scheme, found["name"], int(found["port"] or _PORTS[scheme]))


def _public(settings: Settings) -> _Origin | None:
    parts = urlsplit(settings.url.lower())
    return _read(parts.scheme, parts.netloc)


def _is_downgrade(page: _Origin, public: _Origin | None) -> bool:
    """Whoever stands in the way can write pages for the panel's name where it is reached without encryption."""
    return public is not None and page.name == public.name and (page.scheme, public.scheme) == ("http", "https")
