"""Which subdomain of PANEL_BASE_DOMAIN a service gets: its name, unless that is taken or reserved."""

from domain.model.service import Service
from domain.ports.store import Work
from domain.settings import Settings

RESERVED = frozenset(
    {"account", "accounts", "admin", "api", "app", "auth", "autoconfig", "autodiscover", "cdn", "console", "dashboard"}
    | {"dns", "docs", "ftp", "imap", "internal", "localhost", "login", "mail", "metrics", "mta-sts", "ns1", "ns2"}
    | {"panel", "pop", "pop3", "postmaster", "registry", "root", "smtp", "ssl", "sso", "static", "status", "support"}
    | {"system", "webmail", "webmaster", "wpad", "ws", "www"}
)
"""Names that visitors, browsers, mail programs and certificate authorities take for the operator's own."""
_LABEL = 63  # characters of a part of a host name (RFC 1035)


def choose_subdomain(work: Work, settings: Settings, service: Service) -> str:
    """Return a subdomain that no other service has: the name, or the name and the end of the service's ID."""
    own = settings.public_host.removesuffix(f".{settings.base_domain}")
    if service.name not in RESERVED | {own} and not work.services.has_subdomain(service.name):
        return service.name
    suffix = f"-{service.id[-6:]}"
    return service.name[: _LABEL - len(suffix)].rstrip("-") + suffix
