"""Bounds on what a caller and a tenant keep open at once: streams, followed logs, WebSockets."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from domain.errors import TooMany
from domain.identity.access import Caller

_RETRY_AFTER = 30  # seconds
_Owner = tuple[str, str]


@dataclass(frozen=True)
class StreamBounds:
    """How many of a kind a caller may have open, and all callers of a customer together."""

    kind: str
    per_caller: int
    per_customer: int

    def check(self, callers: Iterable[Caller]) -> None:
        """Raise TooMany if a caller, or its customer, is given more often than it may be."""
        counts: Counter[_Owner] = Counter(owner for caller in callers for owner in _owners(caller))
        for owner, count in counts.items():
            self.check_count(owner, count)

    def check_count(self, owner: _Owner, count: int) -> None:
        """Raise TooMany if an owner has too many."""
        bound = self.per_caller if owner[0] == "key" else self.per_customer
        if count > bound:
            raise TooMany(
                f"Too many {self.kind} are open",
                details=f"One {owner[0]} can have {bound} at once. Close others first",
                retry_after=_RETRY_AFTER,
            )


class StreamLimits:
    """Counts what is open. It may be used by many threads."""

    def __init__(self, kind: str, per_caller: int, per_customer: int) -> None:
        self._bounds = StreamBounds(kind, per_caller, per_customer)
        self._counts: Counter[_Owner] = Counter()
        self._lock = Lock()

    def acquire(self, caller: Caller) -> None:
        """Count one more. Raise TooMany, without counting it, if the caller or its customer has too many."""
        with self._lock:
            for owner in _owners(caller):
                self._bounds.check_count(owner, self._counts[owner] + 1)
            self._counts.update(_owners(caller))

    def release(self, caller: Caller) -> None:
        """Count one less."""
        with self._lock:
            for owner in _owners(caller):
                self._counts[owner] -= 1
                if not self._counts[owner]:
                    del self._counts[owner]


def _owners(caller: Caller) -> list[_Owner]:
    own = [("key", caller.id)]
    return own if caller.customer_id is None else [*own, ("customer", caller.customer_id)]
