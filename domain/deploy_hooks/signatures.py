"""Whether a delivery proves that its sender knows the secret of a hook."""

import hashlib
import hmac

from domain.deploy_hooks.headers import Header
from domain.model.deploy_hook import HookProvider

_HEADERS = {
    HookProvider.GITHUB: "x-hub-signature-256",
    HookProvider.GENERIC: "x-hub-signature-256",
    HookProvider.GITEA: "x-gitea-signature",
    HookProvider.GITLAB: "x-gitlab-token",
}


def is_authentic(provider: HookProvider, secret: str, body: bytes, header: Header) -> bool:
    """Return whether the provider's header has the HMAC-SHA256 of the body, or the secret itself for GitLab.

    The duration does not depend on what the header has, and all providers take the same time.
    """
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    expected = {HookProvider.GITLAB: secret, HookProvider.GITEA: signature}.get(provider, f"sha256={signature}")
    return hmac.compare_digest(header(_HEADERS[provider]).encode(), expected.encode())
