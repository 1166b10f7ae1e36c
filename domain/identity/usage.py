"""Uses of principals and sessions: recorded in memory, so that a request writes nothing, and written together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from domain.errors import Refusal
from domain.identity.access import Credential
from domain.model.principal import PrincipalKind
from domain.ports.store import Store


@dataclass(frozen=True)
class _Use:
    at: datetime
    address: str
    requests: int = 1


@dataclass
class _Recorded:
    api_keys: dict[str, _Use] = field(default_factory=dict)
    users: dict[str, _Use] = field(default_factory=dict)
    sessions: dict[str, _Use] = field(default_factory=dict)


class Uses:
    """The uses since they were last written. A use of a session is one of its principal too."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._recorded = _Recorded()

    def record(self, credential: Credential, address: str, at: datetime) -> None:
        """Record one use of a credential."""
        use = _Use(at, address)
        principals = {credential.principal_id: use}
        sessions = {credential.session_id: use} if credential.session_id else {}
        if credential.kind is PrincipalKind.USER:
            self._add(_Recorded(users=principals, sessions=sessions))
        else:
            self._add(_Recorded(api_keys=principals, sessions=sessions))

    def write(self, store: Store) -> None:
        """Write all recorded uses in one transaction. They are kept if the database does not answer."""
        with self._lock:
            recorded, self._recorded = self._recorded, _Recorded()
        if not recorded.api_keys and not recorded.users:
            return
        try:
            _write(store, recorded)
        except Refusal:
            self._add(recorded)
            raise

    def _add(self, more: _Recorded) -> None:
        with self._lock:
            _merge(self._recorded.api_keys, more.api_keys)
            _merge(self._recorded.users, more.users)
            _merge(self._recorded.sessions, more.sessions)


def _write(store: Store, recorded: _Recorded) -> None:
    with store.begin() as work:  # always in this order: two processes then never deadlock
        for key_id, use in sorted(recorded.api_keys.items()):
            work.api_keys.record_use(key_id, use.at, use.address, use.requests)
        for user_id, use in sorted(recorded.users.items()):
            work.users.record_use(user_id, use.at, use.address)
        for session_id, use in sorted(recorded.sessions.items()):
            work.sessions.record_use(session_id, use.at, use.address)


def _merge(uses: dict[str, _Use], more: Mapping[str, _Use]) -> None:
    for name, use in more.items():
        known = uses.get(name)
        uses[name] = _sum(known, use) if known else use


def _sum(first: _Use, second: _Use) -> _Use:
    return replace(max(first, second, key=lambda use: use.at), requests=first.requests + second.requests)
