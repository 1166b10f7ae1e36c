"""The chains of the audit record: each event has the hash of the one before it, under a key of the panel.

Several chains let transactions write in parallel: each takes a chain that no other transaction is writing to. Without
the panel's key, nobody can change, remove or move an event unseen, even with write access to the database. The heads,
sealed with the same key, show when the newest events of a chain are missing.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter

import msgspec

from domain.model.audit_event import AuditEvent, ChainHead, StoredEvent

NO_HASH = ""
"""What the first event of a chain has as `previous`."""
_covered = attrgetter(*(field.name for field in fields(AuditEvent) if field.name != "hash"))
_MOST_COMPARED = 50
_MOST_PROBLEMS = 100


def event_hash(key: bytes, event: AuditEvent) -> str:
    """Return the hash that the event must have."""
    return values_hash(key, _covered(event))


def values_hash(key: bytes, values: tuple[object, ...]) -> str:
    """Return the hash that an event with these values must have."""
    return hmac.digest(key, msgspec.json.encode(values), "sha256").hex()


def head_seal(key: bytes, chain: int, number: int, newest_hash: str) -> str:
    """Return the seal of a chain's head."""
    return hmac.digest(key, f"head {chain} {number} {newest_hash}".encode(), "sha256").hex()


def timestamp(now: datetime) -> datetime:
    """Return the time as the store keeps it: in UTC, in whole milliseconds."""
    return now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000)


class ChainCheck:
    """Checks one chain. Give it all events of the chain in their order, then the head, then ask for the problems."""

    def __init__(self, key: bytes, chain: int) -> None:
        self._key, self._chain = key, chain
        self._number, self._hash, self._is_intact = 0, NO_HASH, True
        self._failed: list[StoredEvent] = []
        self._problems: list[str] = []
        self.checked = 0

    def add(self, event: StoredEvent) -> None:
        """Check the next event."""
        number = event.number
        follows = number == self._number + 1
        if not follows:
            self._report(f"removed: {_numbers(self._chain, self._number + 1, number - 1)}")
        intact = values_hash(self._key, event.values) == event.hash
        if not intact:
            self._fail(event)
        elif follows and self._is_intact and event.previous != self._hash:
            self._report(f"replaced: what was written before {event}")
        self._number, self._hash, self._is_intact = number, event.hash, intact
        self.checked += 1

    @property
    def newest(self) -> str:
        """The hash of the last event."""
        return self._hash

    def finish(self, head: ChainHead | None) -> list[str]:
        """Compare the head with the newest event; return all problems, the first hundred of them."""
        if head is None or head.seal != head_seal(self._key, head.chain, head.number, head.hash):
            self._report(f"edited or removed: the head of chain {self._chain}")
        elif head.number > self._number:
            self._report(f"cut off: {_numbers(self._chain, self._number + 1, head.number)}, the newest ones")
        elif self._is_intact and (head.number, head.hash) != (self._number, self._hash):
            self._report(f"replaced: the head of chain {self._chain} is older than its newest event")
        return [*self._problems, *(self._describe(event) for event in self._failed)][:_MOST_PROBLEMS]

    def _report(self, problem: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(problem)

    def _fail(self, event: StoredEvent) -> None:
        if len(self._failed) < _MOST_PROBLEMS:
            self._failed.append(event)

    def _describe(self, event: StoredEvent) -> str:
        """Say whether an event was edited, or moved to the place of another event that does not fit either."""
        chain, _, *others = event.values
        for other in self._failed[:_MOST_COMPARED]:
            if values_hash(self._key, (chain, other.number, *others)) == event.hash:
                return f"swapped: {event} was written as number {other.number}"
        return f"edited: {event}"


def check_links(key: bytes, events: Iterable[AuditEvent], hashes: Mapping[tuple[int, int], str]) -> Iterator[str]:
    """Yield the problems of some events. `hashes` has those of the events before them, by chain and number."""
    for event in events:
        if event_hash(key, event) != event.hash:
            yield f"edited: {_name(event)}"
        elif hashes.get((event.chain, event.number - 1), NO_HASH) != event.previous:
            yield f"removed or replaced: {_numbers(event.chain, event.number - 1, event.number - 1)}"


def check_heads(key: bytes, heads: Iterable[ChainHead], hashes: Mapping[tuple[int, int], str]) -> Iterator[str]:
    """Yield the problems of the heads. `hashes` has those of the events that the heads name."""
    for head in heads:
        if head.seal != head_seal(key, head.chain, head.number, head.hash):
            yield f"edited: the head of chain {head.chain}"
        elif hashes.get((head.chain, head.number), NO_HASH) != head.hash:
            yield f"cut off: the newest events of chain {head.chain}"


def _name(event: AuditEvent) -> str:
    return f"event {event.id} (chain {event.chain}, number {event.number})"


def _numbers(chain: int, first: int, last: int) -> str:
    return f"event {first} of chain {chain}" if first == last else f"events {first} to {last} of chain {chain}"
