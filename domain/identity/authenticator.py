"""Where credentials are shown: keys, the cookies of sessions, and tickets for sockets."""

from collections.abc import Collection, Mapping
from datetime import datetime

from domain.identity import tokens as texts
from domain.identity.access import Caller, Credential
from domain.identity.usage import Uses
from domain.identity.validity import NOBODY, caller, good, unknown
from domain.model.api_key import ApiKey
from domain.model.session import Session
from domain.ports import Ports


class Authenticator:
    """Everything that is wrong with a credential is answered by the same Unauthenticated."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._uses = Uses()

    def by_api_key(self, text: str, address: str, request_id: str) -> Caller:
        """Who is calling from this address with this key."""
        prefix = texts.prefix_of(text)
        if prefix is None:
            raise unknown()
        with self._ports.store.read() as work:
            key = work.api_keys.by_prefix(prefix) or NOBODY
        return self._let_in(Credential(key.id, texts.digest(text)), key, None, address, request_id)

    def by_session(self, cookie: str, address: str, request_id: str) -> Caller:
        """Who is calling with the cookie of this session."""
        if not texts.is_cookie(cookie):
            raise unknown()
        with self._ports.store.read() as work:
            session = work.sessions.by_digest(texts.digest(cookie))
            key = work.api_keys.get(session.api_key_id) if session else None
        if session is None or key is None:
            raise unknown()
        return self._let_in(_behind(session), key, session, address, request_id)

    def by_ticket(
        self, ticket: str, origin: str | None, address: str, request_id: str
    ) -> tuple[Caller, tuple[str, ...] | None]:
        """Who is calling with this ticket, and the topics that it is for. It is used up, also when it is refused."""
        if not texts.is_ticket(ticket):
            raise unknown()
        with self._ports.store.begin() as work:
            taken = work.tickets.take(texts.digest(ticket))
        if taken is None or taken.expires_at <= self._ports.clock.now() or taken.origin not in (None, origin):
            raise unknown()
        shown = Credential(taken.api_key_id, taken.api_key_digest, taken.session_id)
        keys, sessions = self._stored([shown])
        key, session = keys.get(shown.api_key_id, NOBODY), sessions.get(shown.session_id or "")
        return self._let_in(shown, key, session, address, request_id), taken.topics

    def revalidate(self, known: Caller) -> Caller:
        """Another look at what a caller showed, from where it showed it: that counts as no use."""
        (found,) = self.revalidate_many([known])
        if found is None:
            raise unknown()
        return found

    def revalidate_many(self, known: Collection[Caller]) -> list[Caller | None]:
        """The same for many, in order; None for whoever would not be let in any more."""
        keys, sessions = self._stored([one.credential for one in known if one.credential])
        now = self._ports.clock.now()
        return [_again(one, keys, sessions, now) for one in known]

    def flush(self) -> None:
        """Write down the uses since the last time; they are kept for the next when the database is away."""
        self._uses.write(self._ports.store)

    def _stored(self, shown: Collection[Credential]) -> tuple[dict[str, ApiKey], dict[str, Session]]:
        with self._ports.store.read() as work:
            keys = work.api_keys.get_many({one.api_key_id for one in shown})
            sessions = work.sessions.get_many({one.session_id for one in shown if one.session_id})
        return keys, sessions

    def _let_in(self, shown: Credential, key: ApiKey, session: Session | None, address: str, request_id: str) -> Caller:
        now = self._ports.clock.now()
        if not good(shown, key, session, address, now):
            raise unknown()
        self._uses.note(shown, address, now)
        return caller(key, address, request_id, shown)


def _behind(session: Session) -> Credential:
    return Credential(session.api_key_id, session.api_key_digest, session.id)


def _again(known: Caller, keys: Mapping[str, ApiKey], sessions: Mapping[str, Session], now: datetime) -> Caller | None:
    shown = known.credential
    if shown is None:
        return None
    key, session = keys.get(shown.api_key_id, NOBODY), sessions.get(shown.session_id or "")
    if not good(shown, key, session, known.address, now):
        return None
    return caller(key, known.address, known.request_id, shown)
