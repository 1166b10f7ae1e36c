"""Collect what a block changes, and write it to the audit record as the block's last act but for its events."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from domain.adapters.sql.audit_chains import Draft, append
from domain.adapters.sql.columns import replace_unstorable
from domain.audit.chain import timestamp
from domain.audit.differences import differences
from domain.identity.actions import SYSTEM, Action
from domain.model.audit_event import AuditEvent, AuditOutcome, FieldChange
from domain.model.identifiers import id_at

_LONGEST_ID = 200
Resource = tuple[str, str]


class Loaded(NamedTuple):
    """A row as a block has read it first, and what makes an entity of it."""

    entity: Callable[..., Any]
    row: Any


@dataclass(frozen=True)
class Entry:
    """What an audit event will say about a resource. `name` is the action's own name, if it has one."""

    before: object | None = None
    after: object | None = None
    name: str | None = None
    customer_id: str | None = None
    outcome: AuditOutcome = AuditOutcome.SUCCEEDED
    error_code: str | None = None
    changes: tuple[FieldChange, ...] = ()


class Trail:
    """The audit events of one block. Without an action it has only what is recorded by name."""

    def __init__(self, key: bytes, action: Action | None) -> None:
        self.key = key
        self._action = action
        self._loaded: dict[str, Loaded] = {}
        self._entries: dict[Resource | None, Entry] = {}
        self._internal = Entry()

    @property
    def is_active(self) -> bool:
        """Whether changes of this block are recorded."""
        return self._action is not None

    def remember(self, entity: Callable[..., Any], row: Any) -> None:  # noqa: ANN401 - a row of any table
        """Keep a row that the block has read: what a change of its entity starts from."""
        if self._action is not None:
            self._loaded.setdefault(row.id, Loaded(entity, row))

    def loaded(self, entity_id: str) -> object | None:
        """Return the entity as the block has read it first; None if it has not read it."""
        known = self._loaded.get(entity_id)
        return None if known is None else known.entity(*known.row)

    def add(self, before: object | None, after: object | None, *, is_internal: bool) -> None:
        """Add a change of an entity: its creation without `before`, its removal without `after`.

        A change of an internal entity, such as an operation, is recorded for the resource that the action names.
        """
        entity: Any = before if after is None else after
        entry = Entry(before, after, customer_id=_customer_of(entity))
        if is_internal:
            self._internal = replace(entry, before=None, after=None)
        elif self.is_active:
            self._put((_resource_type(entity.__class__), entity.id), entry)

    def record(self, resource: Resource | None, entry: Entry) -> None:
        """Add an action with a name of its own; it takes over a change of the resource in this block."""
        known = self._entries.get(resource, Entry())
        self._entries[resource] = replace(
            entry, before=known.before, after=known.after, customer_id=entry.customer_id or known.customer_id
        )

    def merge(self, other: "Trail") -> None:
        """Add what a block that became a part of this one has collected."""
        self._internal = other._internal
        for resource, entry in other._entries.items():
            self._put(resource, entry)

    def _put(self, resource: Resource | None, entry: Entry) -> None:
        known = self._entries.get(resource)
        if known is not None:
            entry = replace(entry, before=known.before, name=entry.name or known.name)
        self._entries[resource] = entry

    def write(self, connection: Connection) -> None:
        """Write the events. Call it when the transaction makes no other changes."""
        entries = self._due()
        if entries:
            now = timestamp(datetime.now(UTC))
            append(connection, self.key, [self._draft(now, resource, entry) for resource, entry in entries.items()])

    def committed(self) -> None:
        """Note on the action that its events are stored."""
        if self._action is not None and self._due():
            self._action.recorded = True

    def _due(self) -> dict[Resource | None, Entry]:
        """Return what to write. An action that changed nothing that is recorded by itself is recorded once."""
        action = self._action
        if action is not None and action.writes and not action.recorded and not self._entries:
            return {action.resource: self._internal}
        return self._entries

    def _draft(self, now: datetime, resource: Resource | None, entry: Entry) -> Draft:
        action = self._action
        actor = action.actor if action else SYSTEM
        kind, resource_id = resource or (None, None)
        return partial(
            AuditEvent,
            id=id_at("aud", now),
            created_at=now,
            action=entry.name or (action.name if action else ""),
            outcome=entry.outcome,
            actor_type=actor.type,
            actor_id=actor.id,
            actor_name=actor.name,
            actor_customer_id=actor.customer_id,
            session_id=actor.session_id,
            address=actor.address,
            resource_type=kind,
            resource_id=resource_id and replace_unstorable(resource_id)[:_LONGEST_ID],
            customer_id=entry.customer_id or actor.customer_id,
            request_id=action.request_id if action else None,
            error_code=entry.error_code,
            changes=differences(entry.before, entry.after) or entry.changes,
        )


@cache
def _resource_type(entity: Any) -> str:  # noqa: ANN401 - a type
    """Return the name of a kind of resource: `api_key` for `ApiKey`, unless it names its `resource_type`."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in entity.__name__).removeprefix("_")
    return getattr(entity, "resource_type", name)


def _customer_of(entity: Any) -> str | None:  # noqa: ANN401 - entities of any table
    """Return the customer that may see what happens to the entity; a customer sees what happens to itself."""
    if _resource_type(entity.__class__) == "customer":
        return str(entity.id)
    owner: str | None = getattr(entity, "customer_id", None)
    return owner
