"""What the errors of git mean."""

import logging
from urllib.parse import urlsplit

from domain.model.git_source import GitSource
from domain.ports.git import FetchFailed, RepositoryRefused, RevisionMissing

_REDIRECTED = ("returned error: 30", "redirect")
_REVISION = ("find remote ref", "not our ref", "unadvertised object", "does not allow request", "no such remote ref")
_REFUSED = (
    "authentication failed",
    "could not read username",
    "terminal prompts disabled",
    "returned error: 401",
    "returned error: 403",
    "returned error: 404",
    "not found",
    "access denied",
)
_log = logging.getLogger(__name__)


def fetch_failure(source: GitSource, errors: str) -> FetchFailed:
    """Return the failure in the panel's own words. The errors quote the server, so they are in the panel's log only."""
    host, text = urlsplit(source.repository).hostname, errors.lower()
    _log.warning("fetching %s failed: %r", source.repository, errors)
    if any(words in text for words in _REVISION):
        return RevisionMissing(f"The repository has no {source.revision}, or is empty")
    if any(words in text for words in _REDIRECTED):
        return FetchFailed(f"The server {host} redirects to another URL. Use that one as the repository")
    if any(words in text for words in _REFUSED):
        return RepositoryRefused(f"The server {host} has no such repository, or shows it only with a login")
    return FetchFailed(f"The server {host} does not answer, or not as git servers do")
