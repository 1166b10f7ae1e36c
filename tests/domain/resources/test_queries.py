"""List queries: pages, order, filters, times and the tenant filter."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.errors import BadRequest
from domain.identity.access import Caller
from domain.model.grant import Grant
from domain.model.role import Role
from domain.ports.repository import Page, Query
from domain.resources import queries

FREE = Caller("key_1", "free", Grant(Role.ADMIN), datetime(2026, 1, 1, tzinfo=UTC))
BOUND = replace(FREE, grant=replace(FREE.grant, customer_id="cust_a"))


def test_a_list_without_parameters_is_the_newest_twenty():
    assert queries.query() == Query()


def test_absent_filters_do_not_filter():
    assert queries.query(filters={"status": "running", "template": None}).filters == {"status": "running"}


def test_order_and_page_are_passed_on():
    assert queries.query(3, 50, "name", "asc", search="x") == Query(
        sort="name", descending=False, page=3, per_page=50, search="x"
    )


def test_times_are_read_as_utc():
    query = queries.query(since="2026-03-29T10:00:00Z", until="2026-03-29t12:30:00.1239+02:00")
    assert query.since == datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert query.until == datetime(2026, 3, 29, 10, 30, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+00:01",
        "2026-01-01T00:00:00",
    ],
)
def test_a_time_that_does_not_exist_is_refused_by_its_parameter(text: str):
    with pytest.raises(BadRequest, match="parameter from"):
        queries.query(since=text)
    with pytest.raises(BadRequest, match="parameter to"):
        queries.query(until=text)


@pytest.mark.parametrize(
    ("caller", "asked", "customer_id"),
    [
        (FREE, None, None),
        (FREE, "cust_b", "cust_b"),
        (BOUND, None, "cust_a"),
        (BOUND, "cust_a", "cust_a"),
        (BOUND, "cust_b", ()),
        (BOUND, "", ()),
        (BOUND, "*", ()),
    ],
)
def test_a_customer_filter_never_widens_the_list(caller: Caller, asked: str | None, customer_id: object):
    filters = queries.scoped(caller, {"status": "running", "customer_id": "cust_c"}, asked)
    assert filters == {"status": "running", "customer_id": customer_id}


def test_a_list_in_memory_has_pages():
    assert queries.paginate("abc") == Page(["a", "b", "c"], 3, 1, 100, has_more=False)
    assert queries.paginate("abc", 1, 2) == Page(["a", "b"], 3, 1, 2, has_more=True)
    assert queries.paginate("abc", 2, 2) == Page(["c"], 3, 2, 2, has_more=False)
    assert queries.paginate("abcd", 2, 2) == Page(["c", "d"], 4, 2, 2, has_more=False)
    assert queries.paginate("abc", 9, 2) == Page([], 3, 9, 2, has_more=False)
    assert queries.paginate("", 1, 2) == Page([], 0, 1, 2, has_more=False)
