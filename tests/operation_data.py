"""What the tests of all operations must know about single operations; each tag declares it in tests/operations/.

A module tests/operations/<tag>.py has `PATH_PARAMETERS` (name → PathParameter) for the path parameters that the tag
introduces, and `OPERATIONS` (operationId → OperationData) for the operations that need more than their example.
Operations in its set `PENDING` have no rule yet; the tests of all operations leave them out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.conformance import READ_DOCUMENT
from tests.panel import Panel

Body = dict[str, Any]


@dataclass
class Resources:
    """Resources of one owner, created when a test first needs them: a customer's, or without a customer."""

    panel: Panel
    customer_id: str | None = None
    ids: dict[str, str] = field(default_factory=dict)

    def id(self, parameter: str) -> str:
        """Return the ID for a path parameter; create the resource if it does not exist yet."""
        if parameter not in self.ids:
            self.ids[parameter] = path_parameters()[parameter].create(self)
        return self.ids[parameter]


@dataclass(frozen=True)
class PathParameter:
    """How tests fill a path parameter."""

    create: Callable[[Resources], str]
    """Creates a resource and returns its ID."""
    unknown: str
    """A valid ID that no resource has."""
    tenant: bool = True
    """Whether the resource belongs to a customer, so that other customers get 404."""


@dataclass(frozen=True)
class OperationData:
    """What differs from an operation that succeeds with its example, its path and an admin's key."""

    prepare: Callable[[Resources], None] = lambda resources: None
    """Brings the resources of the path into a state in which the operation succeeds."""
    body: Callable[[Body], Body] = lambda example: example
    """Changes the document's example so that it can be sent any number of times."""
    body_with: Callable[[Resources, Body], Body] | None = None
    """Changes the example so that it names resources that exist, which it creates."""
    body_for_all: Body | None = None
    """A body that every caller with the permission may send, again and again; the example if None."""
    body_of_panel: bool = False
    """Whether the body names a resource of no customer, which does not exist for callers with one."""
    other_body: Body | None = None
    """Another valid body: an Idempotency-Key that was used for the example does not fit it."""
    sign: Callable[[Mapping[str, str], bytes], dict[str, str]] | None = None
    """Returns the headers that prove, for the path parameters and the body, that the sender may send it."""
    plain_success: int | None = None
    """The status of a good plain HTTP request, if that cannot succeed."""
    statuses: tuple[str, ...] = ()
    """Errors that a body and query valid by their schemas may get, because a rule says more than a schema can."""
    creates: str = ""
    """The path parameter that names the created resource; the response links to all operations on it."""
    public: bool = False
    """Needs no credentials."""
    has_effect: bool = True
    """Whether a POST changes something, so that it takes an Idempotency-Key."""
    recorded: bool | None = None
    """Whether a successful request that is no GET leaves an audit event; None if all with an effect do."""
    has_revision: bool = True
    """Whether a change can conflict with another client's, so that it takes If-Match."""
    needs_worker: bool = False
    """Whether the response waits for a worker."""
    reads_database: bool = True
    """Whether it needs the database for more than the caller's credentials."""
    bounded_by_caller: bool = False
    """Whether the caller needs the permissions of the resource that it changes, besides the operation's own."""
    owner_only: bool = False
    """Whether only the resource's owner and admins without a customer may use it."""


_DEFAULTS = OperationData()


@cache
def path_parameters() -> Mapping[str, PathParameter]:
    """Return the path parameters of all tags."""
    return _declared("PATH_PARAMETERS")


@cache
def declared_operations() -> Mapping[str, OperationData]:
    """Return the operations that any tag declares something for."""
    return _declared("OPERATIONS")


@cache
def pending_operations() -> frozenset[str]:
    """Return the operations of the document that have no rule yet."""
    return frozenset(name for module in _modules() for name in getattr(module, "PENDING", ()))


def operation_data(operation_id: str) -> OperationData:
    """Return what the operation's tag declares for it, else the defaults."""
    return declared_operations().get(operation_id, _DEFAULTS)


def _declared(name: str) -> dict[str, Any]:
    """Merge what the modules of all tags declare under a name."""
    return {key: value for module in _modules() for key, value in getattr(module, name, {}).items()}


def _modules() -> list[ModuleType]:
    tags = dict.fromkeys(operation.tag for operation in READ_DOCUMENT.operations())
    return [import_module(f"tests.operations.{tag}") for tag in tags]
