"""Check the whole audit record."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.audit.chain import ChainCheck
from domain.model.audit_event import StoredEvent
from domain.ports.store import Store

_BATCH = 5000


@dataclass(frozen=True)
class ChainReport:
    """The result of one chain: how many events it has, the hash of its newest one, and its problems."""

    chain: int
    events: int
    newest: str
    problems: tuple[str, ...]


def verify(store: Store) -> Iterator[ChainReport]:
    """Check every event of every chain that has any, in short transactions, while the panel may go on writing."""
    with store.read() as work:
        heads = {head.chain: head for head in work.audit_events.heads()}
        key, chains = work.audit_events.key, work.audit_events.chains()
    for number in sorted(heads.keys() | chains.keys()):
        check, head = ChainCheck(key, number), heads.get(number)
        newest = max(chains.get(number, 0), head.number if head else 0)
        for event in _events(store, number, newest):
            check.add(event)
        problems = check.finish(head)
        if check.checked or problems:
            yield ChainReport(number, check.checked, check.newest, tuple(problems))


def _events(store: Store, chain: int, newest: int) -> Iterator[StoredEvent]:
    """Yield the events of a chain up to the number that was the newest when the check began."""
    number = 0
    while True:
        with store.read() as work:
            batch = work.audit_events.of_chain(chain, number, _BATCH)
        yield from (event for event in batch if event.number <= newest)
        if len(batch) < _BATCH or batch[-1].number >= newest:
            return
        number = batch[-1].number
