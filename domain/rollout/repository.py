"""Fetch repositories: only from servers that callers may make the panel connect to."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from ipaddress import ip_address
from urllib.parse import urlsplit

from domain.model.git_source import GitSource
from domain.ports import Ports
from domain.ports.git import FetchFailed, FetchRequest, RepositoryRefused, Tree
from domain.resources.outbound import is_allowed, refused_among

_log = logging.getLogger(__name__)


def open_repository(ports: Ports, source: GitSource, check: Callable[[], None]) -> AbstractContextManager[Tree]:
    """Fetch the revision of a source. Raise FetchFailed if its server may not be asked or does not give it."""
    url = urlsplit(source.repository)
    host = url.hostname or ""
    addresses = tuple(ports.resolver.addresses(host))
    refused = refused_among(ports, addresses)
    if refused is not None:
        _log.warning("the repository %s is not fetched: %s is at %s", source.repository, host, refused)
        raise RepositoryRefused(
            f"The server {host} is not on the internet. Use another one, or ask the operator to add its address to"
            " PANEL_ALLOWED_NETWORKS"
        )
    if not addresses:
        raise FetchFailed(f"The server {host} has no address")
    if url.scheme != "https" and not all(is_allowed(ports, ip_address(each.partition("%")[0])) for each in addresses):
        raise RepositoryRefused(f"The repository of {host} is fetched over https only")
    return ports.git.open(FetchRequest(source, addresses), check)
