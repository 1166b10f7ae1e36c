"""The generic repository: map rows of a table to dataclasses and back, report conflicts, record changes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import CursorResult, Table, bindparam, delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import Insert, Update, UpdateBase

from domain.adapters.sql.engines import driver_message
from domain.adapters.sql.reading import Reader
from domain.errors import Conflict
from domain.events.event_types import EventContent, with_status
from domain.ports import repository as ports


class Entity(Protocol):
    """The fields that every entity has."""

    id: str
    revision: int


E = TypeVar("E", bound=Entity)
_Rows = dict[str, Any] | list[dict[str, Any]] | None


class Repository(Reader[E], ports.Repository[E], Generic[E]):
    """The entities of one table.

    `conflicts` maps the name of a unique index to the message and code of the Conflict that it raises. Changes are
    recorded in the audit record, those of an `internal` kind only through the resource that the action names.
    """

    conflicts: Mapping[str, tuple[str, str]] = {}
    internal = False

    def event(self, entity: E) -> EventContent | None:  # noqa: ARG002 - for the repositories that override it
        """Return the event that a change of the entity publishes. None: its changes publish nothing."""
        return None

    def add(self, entity: E) -> None:
        """Insert an entity. Raise Conflict if it violates a constraint: the block cannot go on after that."""
        with self._conflict_errors():
            self._write(_insert(self.table), self._row(entity))
        self._record(None, entity)
        self._publish(entity)

    def save(self, entity: E) -> None:
        """Write all fields. Raise Conflict if the row was changed or removed since it was read: no change is lost."""
        before = self._before(entity.id)
        row = self._row(entity) | {
            "revision": entity.revision + 1,
            "entity_id": entity.id,
            "expected_revision": entity.revision,
        }
        if self._write_or_conflict(_update_by_revision(self.table), row).rowcount != 1:
            raise Conflict(f"{entity.id} was changed by another request. Read it again and retry", details=entity.id)
        entity.revision += 1
        self._record(before, entity)
        self._publish(entity)

    def remove(self, entity_id: str) -> None:
        """Delete an entity, with the rows that belong to it. Raise Conflict if rows keep it from being deleted."""
        change = delete(self.table).where(self.table.c.id == entity_id).returning(*self.table.c)
        try:
            row = self._write(change).first()
        except IntegrityError as error:
            raise Conflict(f"{entity_id} is still in use", details=entity_id) from error
        if row is not None:
            removed = self.entity(*row)
            self._record(removed, None)
            self._publish(removed, removed=True)

    def _before(self, entity_id: str) -> object | None:
        """Return the entity as this block has read it first, for the audit record."""
        if not self._trail.is_active or self.internal:
            return None
        return self._trail.loaded(entity_id) or self.get(entity_id)

    def _record(self, before: object | None, after: object | None) -> None:
        self._trail.add(before, after, is_internal=self.internal)

    def _publish(self, entity: E, *, removed: bool = False) -> None:
        content = self.event(entity)
        if content is not None and self._journal is not None:
            self._journal.add(with_status(content, "deleted") if removed else content)

    def _row(self, entity: E) -> dict[str, Any]:
        return {column.name: getattr(entity, column.name) for column in self.table.columns}

    def _write(self, change: UpdateBase, rows: _Rows = None) -> CursorResult[Any]:
        if self._journal is None:
            raise RuntimeError("a block of read() cannot write")
        return self._connection.execute(change, rows)

    def _write_or_conflict(self, change: UpdateBase, rows: _Rows = None) -> CursorResult[Any]:
        """Write so that the block can go on after a Conflict.

        It needs a savepoint for that, except on SQLite: a statement that fails there undoes itself alone.
        """
        is_atomic = self._connection.dialect.name == "sqlite" and not isinstance(rows, list)
        with self._conflict_errors(), nullcontext() if is_atomic else self._connection.begin_nested():
            return self._write(change, rows)

    @contextmanager
    def _conflict_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise self._conflict(error) from error

    def _conflict(self, error: IntegrityError) -> Conflict:
        # SQLite names an index by its columns ("api_keys.prefix"), or by its name as PostgreSQL does.
        violated = driver_message(error).replace(".", "_")
        message, code = next(
            (conflict for index, conflict in self.conflicts.items() if index in violated),
            ("It exists already, or what it belongs to does not exist", None),
        )
        return Conflict(message, code=code)


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _update_by_revision(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("entity_id"), table.c.revision == bindparam("expected_revision"))
