"""Lists as they are asked for: pages, order, filters, and the tenant filter that nobody can widen."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from domain.errors import BadRequest
from domain.identity.access import Caller
from domain.ports.store import Page, Query

T = TypeVar("T")


def query(  # noqa: PLR0913 - as many as a list has parameters
    page: int = 1,
    per_page: int = 20,
    sort: str = "created_at",
    order: str = "desc",
    *,
    search: str | None = None,
    filters: Mapping[str, object] | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Query:
    """Filters that are None were not given. `since` and `until` are the parameters `from` and `to` as they came."""
    return Query(
        filters={name: value for name, value in (filters or {}).items() if value is not None},
        search=search,
        since=_bound("from", since),
        until=_bound("to", until),
        sort=sort,
        descending=order == "desc",
        page=page,
        per_page=per_page,
    )


def scoped(caller: Caller, filters: Mapping[str, object], customer_id: str | None = None) -> dict[str, object]:
    """Add the tenant filter: whoever is bound gets its own customer's, and nothing when it asks for another's."""
    if caller.customer_id is None:
        return {**filters, "customer_id": customer_id}
    own = customer_id in (None, caller.customer_id)
    return {**filters, "customer_id": caller.customer_id if own else ()}


def single_page(items: Sequence[T]) -> Page[T]:
    """The one page of a list that is too short to be paged."""
    return Page(list(items), total=len(items), page=1, per_page=max(len(items), 1))


def moment(text: str) -> datetime:
    """A time of RFC 3339, in UTC and cut to milliseconds. Raises ValueError: the format allows times that never are."""
    at = datetime.fromisoformat(text.upper())
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset from UTC")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} lies outside the calendar") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _bound(parameter: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else moment(text)
    except ValueError:
        raise BadRequest(
            f"The parameter {parameter} is not a time that exists", details=f"{parameter}: {text}"
        ) from None
