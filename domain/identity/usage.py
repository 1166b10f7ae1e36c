"""Uses of keys and sessions: noted in memory, so that a request needs no write, and written down together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from domain.errors import Refusal
from domain.identity.access import Credential
from domain.ports.store import Store


@dataclass(frozen=True)
class _Use:
    at: datetime
    address: str
    requests: int = 1


_Noted = dict[str, _Use]


class Uses:
    """Those since the last time that they were written down. What a session does, its key does too."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys: _Noted = {}
        self._sessions: _Noted = {}

    def note(self, shown: Credential, address: str, at: datetime) -> None:
        """One more."""
        use = _Use(at, address)
        self._add({shown.api_key_id: use}, {shown.session_id: use} if shown.session_id else {})

    def write(self, store: Store) -> None:
        """They are kept for the next time when the database is away."""
        with self._lock:
            keys, sessions, self._keys, self._sessions = self._keys, self._sessions, {}, {}
        if not keys:
            return
        try:
            with store.begin() as work:  # always in this order: two processes then never deadlock
                for key_id, use in sorted(keys.items()):
                    work.api_keys.used(key_id, use.at, use.address, use.requests)
                for session_id, use in sorted(sessions.items()):
                    work.sessions.seen(session_id, use.at, use.address)
        except Refusal:
            self._add(keys, sessions)
            raise

    def _add(self, keys: Mapping[str, _Use], sessions: Mapping[str, _Use]) -> None:
        with self._lock:
            for noted, more in ((self._keys, keys), (self._sessions, sessions)):
                for name, use in more.items():
                    known = noted.get(name)
                    noted[name] = _together(known, use) if known else use


def _together(one: _Use, other: _Use) -> _Use:
    return replace(max(one, other, key=lambda use: use.at), requests=one.requests + other.requests)
