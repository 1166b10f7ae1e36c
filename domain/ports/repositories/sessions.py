"""The repository of browser sessions."""

from datetime import datetime
from typing import Protocol

from domain.model.principal import PrincipalKind
from domain.model.session import Session
from domain.ports.repository import Repository


class Sessions(Repository[Session], Protocol):
    """Browser sessions. They are removed with their principal."""

    def by_digest(self, digest: str) -> Session | None: ...
    def record_use(self, session_id: str, at: datetime, ip: str) -> None:
        """Set when and from where the session was last used. The revision stays."""

    def remove_of(self, kind: PrincipalKind, principal_id: str, except_id: str | None = None) -> None:
        """Remove all sessions of a principal, except one."""

    def remove_of_provider(self, provider_session_id: str) -> None:
        """Remove all sessions of a login at the identity provider."""

    def remove_of_customer(self, customer_id: str) -> None:
        """Remove all sessions of the users and API keys of a customer."""

    def remove_expired(self, now: datetime) -> None: ...
