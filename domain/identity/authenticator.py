"""Authentication by API key, session cookie or WebSocket ticket. No other module turns credentials into callers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.identity import tokens
from domain.identity.access import Caller, Credential
from domain.identity.usage import Uses
from domain.identity.validity import (
    NO_KEY,
    caller_for,
    get_principal,
    invalid_credential,
    is_valid,
    suspended_customers,
)
from domain.model.principal import Principal, PrincipalKind
from domain.model.session import Session
from domain.model.ticket import Ticket
from domain.ports import Ports


@dataclass(frozen=True)
class _Stored:
    """Stored principals and sessions by ID, and those of the principals' customers that are suspended."""

    principals: Mapping[str, Principal]
    suspended: frozenset[str]
    sessions: Mapping[str, Session] = field(default_factory=dict)

    def is_valid(self, credential: Credential, address: str, now: datetime) -> bool:
        principal = self.principals.get(credential.principal_id)
        if principal is not None and principal.customer_id in self.suspended:
            return False
        return is_valid(credential, principal, self.sessions.get(credential.session_id or ""), address, now)


class Authenticator:
    """Find the caller for a credential. All invalid credentials raise the same Unauthenticated."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._uses = Uses()

    def by_api_key(self, text: str, address: str, request_id: str) -> Caller:
        """Return the caller for an API key.

        Raise Unauthenticated if the key is unknown, expired, revoked, or not allowed from `address`.
        """
        prefix = tokens.prefix_of(text)
        if prefix is None:
            raise invalid_credential()
        with self._ports.store.read() as work:
            key = work.api_keys.by_prefix(prefix) or NO_KEY
            suspended = suspended_customers(work, [key])
        credential = Credential(PrincipalKind.API_KEY, key.id, tokens.digest(text))
        return self._authenticate(credential, _Stored({key.id: key}, suspended), address, request_id)

    def by_session(self, cookie: str, address: str, request_id: str) -> Caller:
        """Return the caller for a session cookie.

        Raise Unauthenticated if the session has ended, or if its principal is not valid any more.
        """
        if not tokens.is_cookie(cookie):
            raise invalid_credential()
        with self._ports.store.read() as work:
            session = work.sessions.by_digest(tokens.digest(cookie))
            credential = _credential_of(session) if session else None
            principal = get_principal(work, credential.kind, credential.principal_id) if credential else None
            suspended = suspended_customers(work, [principal] if principal else [])
        if session is None or credential is None or principal is None:
            raise invalid_credential()
        return self._authenticate(
            credential, _Stored({principal.id: principal}, suspended, {session.id: session}), address, request_id
        )

    def by_ticket(
        self, text: str, origin: str | None, address: str, request_id: str
    ) -> tuple[Caller, tuple[str, ...] | None]:
        """Return the caller for a ticket and the ticket's topics (None for all). The ticket cannot be used again.

        Raise Unauthenticated if the ticket is unknown, used or expired, if it was created for another origin, or if the
        credential that created it is not valid any more. The ticket is used up even then.
        """
        if not tokens.is_ticket(text):
            raise invalid_credential()
        digest = tokens.digest(text)
        with self._ports.store.read() as work:
            exists = work.tickets.exists(digest)
        if not exists:  # without the write lock: anybody can send texts that look like tickets
            raise invalid_credential()
        with self._ports.store.begin() as work:
            ticket = work.tickets.take(digest)
        if ticket is None or ticket.expires_at <= self._ports.clock.now() or ticket.origin not in (None, origin):
            raise invalid_credential()
        credential = _credential_of(ticket)
        return self._authenticate(credential, self._load([credential]), address, request_id), ticket.topics

    def revalidate(self, caller: Caller) -> Caller:
        """Check a caller's credential again without recording a use; return the caller as its principal is now.

        Raise Unauthenticated if the credential is not valid any more.
        """
        (current,) = self.revalidate_many([caller])
        if current is None:
            raise invalid_credential()
        return current

    def revalidate_many(self, callers: Collection[Caller]) -> list[Caller | None]:
        """Check many credentials again, in order, with one query for each table. Return None for each invalid one."""
        stored = self._load([caller.credential for caller in callers if caller.credential])
        now = self._ports.clock.now()
        return [_current(caller, stored, now) for caller in callers]

    def flush(self) -> None:
        """Write the recorded uses to the database. If it is unavailable, keep them for the next call."""
        self._uses.write(self._ports.store)

    def _load(self, credentials: Collection[Credential]) -> _Stored:
        keys, users = (
            {credential.principal_id for credential in credentials if credential.kind is kind}
            for kind in (PrincipalKind.API_KEY, PrincipalKind.USER)
        )
        session_ids = {credential.session_id for credential in credentials if credential.session_id}
        with self._ports.store.read() as work:
            principals: dict[str, Principal] = {**work.api_keys.get_many(keys)}
            principals.update(work.users.get_many(users))
            suspended = suspended_customers(work, principals.values())
            return _Stored(principals, suspended, work.sessions.get_many(session_ids))

    def _authenticate(self, credential: Credential, stored: _Stored, address: str, request_id: str) -> Caller:
        now = self._ports.clock.now()
        if not stored.is_valid(credential, address, now):
            raise invalid_credential()
        self._uses.record(credential, address, now)
        return caller_for(stored.principals[credential.principal_id], address, request_id, credential)


def _credential_of(source: Session | Ticket) -> Credential:
    session_id = source.id if isinstance(source, Session) else source.session_id
    if source.user_id is not None:
        return Credential(PrincipalKind.USER, source.user_id, session_id=session_id)
    return Credential(PrincipalKind.API_KEY, source.api_key_id or "", source.api_key_digest, session_id)


def _current(caller: Caller, stored: _Stored, now: datetime) -> Caller | None:
    credential = caller.credential
    if credential is None or not stored.is_valid(credential, caller.address, now):
        return None
    return caller_for(stored.principals[credential.principal_id], caller.address, caller.request_id, credential)
