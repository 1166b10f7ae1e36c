"""The repository of audit events, which the trail of a block writes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import String, bindparam, func, select, tuple_, type_coerce

from domain.adapters.sql import listing
from domain.adapters.sql.audit_chains import audit_events, audit_heads
from domain.adapters.sql.audit_trail import Entry
from domain.adapters.sql.columns import RawJson
from domain.adapters.sql.reading import Block, Reader
from domain.model.audit_event import AuditEvent, AuditOutcome, ChainHead, FieldChange, StoredEvent
from domain.model.identifiers import first_id
from domain.ports.repositories import audit_events as ports
from domain.ports.repository import Page, Query

_PLACE = tuple_(audit_events.c.chain, audit_events.c.number)
_HASHES = select(audit_events.c.chain, audit_events.c.number, audit_events.c.hash).where(
    _PLACE.in_(bindparam("places", expanding=True))
)
_LEAN: dict[str, Any] = {"outcome": String(), "actor_type": String(), "changes": RawJson()}
"""Types that convert less than those of the columns."""
_OF_CHAIN = (
    select(
        *(
            type_coerce(column, _LEAN[column.name]) if column.name in _LEAN else column
            for column in audit_events.columns
        )
    )
    .where(audit_events.c.chain == bindparam("chain"), audit_events.c.number > bindparam("after"))
    .order_by(audit_events.c.number)
    .limit(bindparam("limit"))
)
_NEWEST = audit_events.c.id.desc()
_UNINDEXED = frozenset({"action", "resource_type", "outcome", "request_id"})
WINDOW = 100_000
"""How many events are searched for an action, a type, an outcome or a request: the newest within the other filters."""


class AuditEvents(Reader[AuditEvent], ports.AuditEvents):
    """Audit events. Nothing changes or removes them."""

    table = audit_events
    entity = AuditEvent
    filters = _UNINDEXED | {"actor_id", "resource_id", "customer_id", "id_from", "id_before"}
    sorts = frozenset({"id"})

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        self.key = block.trail.key

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
        """Record an action by this name, with what the block changes of the resource."""
        entry = Entry(None, None, action, customer_id, outcome, error_code, changes)
        self._trail.record(resource, entry)

    def page(self, query: Query) -> Page[AuditEvent]:
        """Return a page. By what has no index, it is searched among the newest events only: see `WINDOW`."""
        filters = _filters(query)
        if _UNINDEXED & filters.keys():
            filters["id_from"] = max(filters.get("id_from", ""), self._window(filters))
        return super().page(replace(query, filters=filters, since=None, until=None, sort="id"))

    def _window(self, filters: Mapping[str, Any]) -> str:
        """Return the ID of the oldest event that is searched."""
        indexed = {name: value for name, value in filters.items() if name not in _UNINDEXED}
        rows = select(audit_events.c.id).where(*listing.conditions(audit_events, indexed)).order_by(_NEWEST)
        return self._connection.scalar(rows.offset(WINDOW).limit(1), indexed) or ""

    def older(self, query: Query, than: AuditEvent | None, limit: int) -> Sequence[AuditEvent]:
        """Return the next events that match the query, newest first."""
        filters = _filters(query)
        if than is not None:
            filters["id_before"] = than.id
        conditions = listing.conditions(audit_events, filters)
        return self._fetch_all(select(audit_events).where(*conditions).order_by(_NEWEST).limit(limit), **filters)

    def hashes(self, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], str]:
        """Return the hashes of the events at these places that exist."""
        rows = self._connection.execute(_HASHES, {"places": list(places)}) if places else ()
        return {(row.chain, row.number): row.hash for row in rows}

    def of_chain(self, chain: int, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the next events of a chain."""
        rows = self._connection.execute(_OF_CHAIN, {"chain": chain, "after": after, "limit": limit})
        return [StoredEvent(tuple(row[:-1]), row[-1]) for row in rows.all()]

    def chains(self) -> dict[int, int]:
        """Return the highest number in column chain."""
        highest = select(audit_events.c.chain, func.max(audit_events.c.number).label("number")).group_by(
            audit_events.c.chain
        )
        return {row.chain: row.number for row in self._connection.execute(highest)}

    def heads(self) -> Sequence[ChainHead]:
        """Return the heads of all chains."""
        return [ChainHead(*row) for row in self._connection.execute(select(audit_heads).order_by(audit_heads.c.chain))]


def _filters(query: Query) -> dict[str, Any]:
    """Return the query's filters, with its time range as a range of IDs."""
    filters = dict(query.filters)
    if query.since is not None:
        filters["id_from"] = first_id("aud", query.since)
    if query.until is not None:
        filters["id_before"] = first_id("aud", query.until)
    return filters
