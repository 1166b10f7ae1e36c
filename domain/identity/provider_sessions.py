"""The identity provider that is configured, and its sessions."""

from domain.errors import InvalidToken, Unavailable
from domain.model.session import Session
from domain.ports import IdentityProvider, Ports


def end_provider_session(ports: Ports, session: Session) -> bool:
    """End the identity provider's session of a login; return whether it has ended."""
    try:
        configured_provider(ports).end_session(ports.vault.decrypt(session.sealed_id_token or ""))
    except (InvalidToken, Unavailable):  # an old token, or a provider that is away
        return False
    return True


def configured_provider(ports: Ports) -> IdentityProvider:
    """Return the identity provider. Raise Unavailable if none is configured."""
    if ports.identity_provider is None:
        raise Unavailable(
            "No identity provider is configured. Log in with an API key, or set PANEL_OIDC_ISSUER",
            code="oidc_not_configured",
        )
    return ports.identity_provider
