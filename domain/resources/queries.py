"""List queries: pages, order, filters, and the tenant filter that no caller can widen."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from domain.errors import BadRequest
from domain.identity.access import Caller
from domain.ports.repository import Page, Query

T = TypeVar("T")


def list_query(caller: Caller, parameters: Mapping[str, Any], filters: Collection[str] = ()) -> Query:
    """Return the query for a list operation's parameters, which have the names that the document gives them.

    `filters` names the parameters that a row's fields of the same names must equal. The tenant filter is added. Raise
    BadRequest if `from` or `to` is not a time.
    """
    equal = {name: parameters.get(name) for name in filters}
    paging = {name: parameters[name] for name in ("page", "per_page", "sort", "order", "search") if name in parameters}
    return query(
        filters=scoped(caller, equal, parameters.get("customer_id")),
        since=parameters.get("from"),
        until=parameters.get("to"),
        **paging,
    )


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
    """Return a query; filters that are None are left out. `since` and `until` are times in RFC 3339."""
    return Query(
        filters={name: value for name, value in (filters or {}).items() if value is not None},
        search=search,
        since=_time("from", since),
        until=_time("to", until),
        sort=sort,
        descending=order == "desc",
        page=page,
        per_page=per_page,
    )


def scoped(caller: Caller, filters: Mapping[str, object], customer_id: str | None = None) -> dict[str, object]:
    """Add the tenant filter. A caller with a customer sees that customer's rows, and none if it asks for another's."""
    if caller.customer_id is None:
        return {**filters, "customer_id": customer_id}
    own = customer_id in (None, caller.customer_id)
    return {**filters, "customer_id": caller.customer_id if own else ()}


def paginate(items: Sequence[T], page: int = 1, per_page: int = 100) -> Page[T]:
    """Return a page of a list that is in memory. `items` must have the same order in each request."""
    end = page * per_page
    return Page(list(items[end - per_page : end]), len(items), page, per_page, has_more=end < len(items))


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time in UTC, cut to milliseconds. Raise ValueError for times that do not exist."""
    at = datetime.fromisoformat(text.upper())
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset from UTC")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} lies outside the calendar") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _time(parameter: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        raise BadRequest(
            f"The parameter {parameter} is not a time that exists", details=f"{parameter}: {text}"
        ) from None
