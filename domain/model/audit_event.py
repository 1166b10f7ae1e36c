"""Audit events: who did what to which resource, linked in chains that show every later change."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast


class ActorType(StrEnum):
    """The kinds of actors. The system is the panel itself; anonymous requests carry no valid credential."""

    API_KEY = "api_key"
    USER = "user"
    DEPLOY_HOOK = "deploy_hook"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class AuditOutcome(StrEnum):
    """How an action ended. A refused one was not permitted and changed nothing."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"


HIDDEN_VALUE = "(hidden)"
"""What stands for a value that the audit record does not show."""


@dataclass(frozen=True)
class FieldChange:
    """The values of one field before and after a change, as texts; None if it had or has none."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class AuditEvent:
    """An action. `action` is the operationId, or a name of its own.

    The event is number `number` of the chain `chain`. `hash` covers all other fields, and so `previous`, which is the
    `hash` of the event before it: see `domain.audit.chain`. `customer_id` is whose resource it is about,
    `actor_customer_id` the customer that the actor is bound to.
    """

    chain: int
    number: int
    id: str
    created_at: datetime
    action: str
    outcome: AuditOutcome
    actor_type: ActorType
    actor_id: str | None
    actor_name: str | None
    actor_customer_id: str | None
    session_id: str | None
    address: str | None
    resource_type: str | None
    resource_id: str | None
    customer_id: str | None
    request_id: str | None
    error_code: str | None
    changes: tuple[FieldChange, ...]
    previous: str
    hash: str = ""

    @property
    def revision(self) -> str:
        """The ETag: an event never changes."""
        return self.hash


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the database has it, whoever wrote it: `values` are those of its fields up to `previous`, in order.

    Reading it costs a fraction of an `AuditEvent`, and fails for no value. `changes` is among the values as its JSON.
    """

    values: tuple[object, ...]
    hash: str

    @property
    def number(self) -> int:
        """Return its number in the chain."""
        return cast("int", self.values[1])

    @property
    def previous(self) -> str:
        """Return the hash of the event before it."""
        return cast("str", self.values[-1])

    def __str__(self) -> str:
        return f"event {self.values[2]} (chain {self.values[0]}, number {self.values[1]})"


@dataclass(frozen=True)
class ChainHead:
    """The newest event of a chain: its number and hash. `seal` shows that the panel wrote the head."""

    chain: int
    number: int
    hash: str
    seal: str
