"""What the repositories have in common: how to read and write the entities of one kind."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Query:
    """Which page of a list to read.

    `filters` compare for equality, or with one of the values of a tuple. `created_at` is from `since` until before
    `until`, `expires_at` later than `unexpired_at` and before `expires_before`. `search` matches a part of the text
    that the repository searches, in upper or lower case.
    """

    filters: Mapping[str, object] = field(default_factory=dict)
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unexpired_at: datetime | None = None
    expires_before: datetime | None = None
    sort: str = "created_at"
    descending: bool = True
    page: int = 1
    per_page: int = 20


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page, and the number of items on all pages.

    `total` of a long list can be ten seconds old. `has_more` says whether items follow this page, and is never old.
    """

    items: list[T]
    total: int
    page: int
    per_page: int
    has_more: bool = False

    def convert(self, function: Callable[[T], U]) -> "Page[U]":
        """Return the page with the function's results as items."""
        return Page([function(item) for item in self.items], self.total, self.page, self.per_page, self.has_more)


class Repository(Protocol[T]):
    """The entities of one kind. Inside `begin()`, `get` locks the entity until the block ends."""

    def get(self, entity_id: str) -> T | None: ...
    def get_many(self, entity_ids: Collection[str]) -> dict[str, T]:
        """Return the entities that exist, by id. They are not locked."""

    def add(self, entity: T) -> None:
        """Raise `errors.Conflict` if a unique value exists already. The block cannot go on after that."""

    def save(self, entity: T) -> None:
        """Write all fields, and add one to `revision` in the row and in the object.

        Raise `errors.Conflict` if the row was changed since it was read.
        """

    def remove(self, entity_id: str) -> None:
        """Delete the entity, if it exists. Raise `errors.Conflict` if others refer to it."""

    def page(self, query: Query) -> Page[T]: ...
