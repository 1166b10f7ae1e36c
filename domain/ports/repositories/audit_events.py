"""The repository of audit events."""

from collections.abc import Collection, Sequence
from typing import Protocol

from domain.model.audit_event import AuditEvent, AuditOutcome, ChainHead, FieldChange, StoredEvent
from domain.ports.repository import Page, Query


class AuditEvents(Protocol):
    """Audit events. The store adds them by itself: one for each resource that a block of an action changes."""

    key: bytes
    """The key of the chains' hashes."""

    def record(
        self,
        action: str,
        resource: tuple[str, str] | None = None,
        *,
        customer_id: str | None = None,
        outcome: AuditOutcome = AuditOutcome.SUCCEEDED,
        error_code: str | None = None,
        changes: tuple[FieldChange, ...] = (),
    ) -> None:
        """Record an action by this name on a resource (type and ID), whether or not the block changes the resource.

        In background work the actor is the panel. `changes` are for what is no change of the resource in this block.
        """

    def get(self, event_id: str) -> AuditEvent | None: ...
    def page(self, query: Query) -> Page[AuditEvent]: ...

    def older(self, query: Query, than: AuditEvent | None, limit: int) -> Sequence[AuditEvent]:
        """Return at most `limit` events that match the query, newest first, from before an event or from the newest."""

    def hashes(self, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], str]:
        """Return the hashes of the events at these places (chain and number) that exist."""

    def of_chain(self, chain: int, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return at most `limit` events of a chain with higher numbers, in their order."""

    def chains(self) -> dict[int, int]:
        """Return the highest number of an event in each chain that has events."""

    def heads(self) -> Sequence[ChainHead]: ...
