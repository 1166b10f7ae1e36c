"""Lists: filters, search, bounds, order and count, the same on both databases."""

import itertools
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.adapters.sql import totals
from domain.model.operation import Kind, OperationStatus
from domain.model.role import Role
from domain.model.service import DeployMethod, Service, ServiceStatus
from domain.ports.repository import Page, Query
from domain.ports.store import Store
from tests.adapters.sql.entities import NOW, after, api_key, deployment, operation, service


def _names(store: Store, **parameters: object) -> list[str]:
    with store.read() as work:
        return [found.name for found in work.services.page(Query(**parameters)).items]  # type: ignore[arg-type]


@pytest.fixture
def named(store: Store) -> Store:
    """Return a store with five services, created a second apart."""
    with store.begin() as work:
        for second, name in enumerate(("delta", "Alpha", "charlie", "100%_real", "bravo")):
            work.services.add(service(name, created_at=after(seconds=second)))
    return store


def test_a_page_has_the_total(named: Store):
    with named.read() as work:
        page = work.services.page(Query(page=2, per_page=2))
    assert [found.name for found in page.items] == ["charlie", "Alpha"]
    assert (page.total, page.page, page.per_page, page.has_more) == (5, 2, 2, True)


def test_a_page_after_the_last_is_empty_and_has_the_total(named: Store):
    for number in (4, 10**30):
        with named.read() as work:
            page = work.services.page(Query(page=number, per_page=2))
        assert (page.items, page.total, page.has_more) == ([], 5, False)


@pytest.mark.parametrize("small", [1, 1000])
def test_every_page_but_the_last_says_that_there_are_more(named: Store, monkeypatch: pytest.MonkeyPatch, small: int):
    monkeypatch.setattr("domain.adapters.sql.reading.SMALL", small)
    for per_page, expected in ((2, [2, 2, 1]), (5, [5]), (4, [4, 1]), (100, [5])):
        for number, length in enumerate(expected, start=1):
            with named.read() as work:
                page = work.services.page(Query(page=number, per_page=per_page))
            assert (len(page.items), page.has_more) == (length, number < len(expected))


def test_pages_are_complete_while_the_total_is_old(named: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(totals, "monotonic", lambda: 100.0)
    monkeypatch.setattr(totals, "SMALL", 4)
    monkeypatch.setattr("domain.adapters.sql.reading.SMALL", 4)

    def read() -> list[Page[Service]]:
        pages: list[Page[Service]] = []
        while not pages or pages[-1].has_more:
            with named.read() as work:
                pages.append(work.services.page(Query(page=len(pages) + 1, per_page=2)))
        return pages

    assert [page.total for page in read()] == [5, 5, 5]
    with named.begin() as work:
        for number in range(4):
            work.services.add(service(f"more-{number}"))
    pages = read()
    assert [len(page.items) for page in pages] == [2, 2, 2, 2, 1]
    assert pages[0].total == 5, "counted before"
    assert pages[-1].total == 9, "the last page knows better"
    with named.begin() as work:
        for page in pages[1:]:
            for each in page.items:
                work.services.remove(each.id)
    assert [(len(page.items), page.total, page.has_more) for page in read()] == [(2, 2, False)]


def test_a_large_total_is_counted_every_ten_seconds_and_a_small_one_each_time(
    named: Store, monkeypatch: pytest.MonkeyPatch
):
    now = [100.0]
    monkeypatch.setattr(totals, "monotonic", lambda: now[0])
    monkeypatch.setattr(totals, "SMALL", 5)

    def count(**parameters: object) -> int:
        with named.read() as work:
            return work.services.page(Query(per_page=5, **parameters)).total  # type: ignore[arg-type]

    for number, total in enumerate((6, 6, 6)):
        with named.begin() as work:
            work.services.add(service(f"more-{number}"))
        assert (count(), count(search="more")) == (total, number + 1)
    now[0] += 10
    assert (count(), count(search="more")) == (8, 3)


def test_names_sort_by_their_bytes_in_both_directions(named: Store):
    ordered = ["100%_real", "Alpha", "bravo", "charlie", "delta"]
    assert _names(named, sort="name", descending=False) == ordered
    assert _names(named, sort="name", descending=True) == ordered[::-1]


def test_equal_values_are_ordered_by_id_so_that_pages_do_not_overlap(store: Store):
    made = [service(f"s{number}") for number in range(7)]
    with store.begin() as work:
        for new in reversed(made):
            work.services.add(new)
    ids = sorted(new.id for new in made)
    for sort, descending in itertools.product(("created_at", "updated_at", "status"), (True, False)):
        with store.read() as work:
            pages = [work.services.page(Query(sort=sort, descending=descending, page=n, per_page=3)) for n in (1, 2, 3)]
        assert [found.id for page in pages for found in page.items] == (ids[::-1] if descending else ids)


def test_a_filter_takes_one_value_or_one_of_many_or_nothing(store: Store):
    with store.begin() as work:
        work.services.add(service("a", status=ServiceStatus.RUNNING, customer_id="cust_1"))
        work.services.add(service("b", status=ServiceStatus.FAILED, customer_id="cust_2"))
        work.services.add(service("c", status=ServiceStatus.STOPPED))
    order = {"sort": "name", "descending": False}
    assert _names(store, filters={"status": ServiceStatus.RUNNING}, **order) == ["a"]
    assert _names(store, filters={"status": "failed"}, **order) == ["b"]
    assert _names(store, filters={"status": (ServiceStatus.RUNNING, "failed")}, **order) == ["a", "b"]
    assert _names(store, filters={"status": ()}, **order) == []
    assert _names(store, filters={"customer_id": None}, **order) == ["c"]
    assert _names(store, filters={"customer_id": "cust_1", "status": "failed"}, **order) == []


def test_search_finds_a_part_of_the_name_in_any_case(named: Store):
    assert _names(named, search="ALPH") == ["Alpha"]
    assert _names(named, search="a", sort="name", descending=False) == [
        "100%_real", "Alpha", "bravo", "charlie", "delta",
    ]  # fmt: skip
    assert _names(named, search="nowhere") == []


@pytest.mark.parametrize("search", ["%", "_", "0%_r", "100%"])
def test_search_takes_wildcards_literally(named: Store, search: str):
    assert _names(named, search=search) == ["100%_real"]


@pytest.mark.parametrize("search", ["/", "\\", "'", '"', "a%a", "\0", "\ud800", "*", "x" * 1000])
def test_search_accepts_any_text(named: Store, search: str):
    assert _names(named, search=search) == []


def test_search_ignores_the_case_of_letters_beyond_ascii(store: Store):
    with store.begin() as work:
        work.api_keys.add(api_key(name="ZÁLOHY Ärger"))
    with store.read() as work:
        assert work.api_keys.page(Query(search="záloh")).total == 1
        assert work.api_keys.page(Query(search="ÄRGER")).total == 1
        assert work.api_keys.page(Query(search="arger")).total == 0


def test_since_is_included_and_until_is_not(named: Store):
    assert _names(named, since=after(seconds=1), until=after(seconds=3)) == ["charlie", "Alpha"]
    zone = timezone(timedelta(hours=-5))
    assert _names(named, since=after(seconds=4).astimezone(zone)) == ["bravo"]


def test_bounds_at_the_ends_of_time_are_accepted(named: Store):
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-12)))
    assert len(_names(named, since=first, until=last)) == 5
    assert len(_names(named, since=last)) == 0


def test_an_unknown_filter_sort_or_search_is_a_programming_error(store: Store):
    with store.read() as work:
        for repository in (work.services, work.deployments, work.operations, work.api_keys):
            for query in (Query(filters={"definition": "x"}), Query(sort="digest"), Query(sort="nothing")):
                with pytest.raises(KeyError):
                    repository.page(query)
        with pytest.raises(KeyError):
            work.deployments.page(Query(search="x"))


def test_keys_that_were_never_used_sort_first(store: Store):
    with store.begin() as work:
        for number, used in enumerate((after(seconds=1), None, NOW)):
            work.api_keys.add(api_key(f"prefix_{number}", name=str(number), last_used_at=used))
    for descending, order in ((False, ["1", "2", "0"]), (True, ["0", "2", "1"])):
        with store.read() as work:
            page = work.api_keys.page(Query(sort="last_used_at", descending=descending))
        assert [found.name for found in page.items] == order


def test_every_filter_and_sort_of_the_api_is_supported(store: Store):
    owner = service("a", customer_id="cust_1", template="hello", deploy_method=DeployMethod.TEMPLATE)
    made = deployment(owner.id, customer_id="cust_1", actor_id="key_1")
    task = operation(owner.id, customer_id="cust_1", actor_id="key_1", kind=Kind.STOP, status=OperationStatus.FAILED)
    key = api_key(role=Role.VIEWER, customer_id="cust_1", created_by="key_1")
    with store.begin() as work:
        work.services.add(owner)
        work.deployments.add(made)
        work.operations.add(task)
        work.api_keys.add(key)
    offered = {
        "services": (owner, "status customer_id template deploy_method", "name status created_at updated_at"),
        "deployments": (made, "service_id customer_id status trigger actor_id", "created_at status"),
        "operations": (task, "kind status resource_id customer_id actor_id", "created_at status kind"),
        "api_keys": (key, "role customer_id created_by", "name created_at last_used_at"),
    }
    for noun, (entity, filters, sorts) in offered.items():
        assert set((filters + " " + sorts).split()) <= {field.name for field in fields(entity)}
        for name, sort in itertools.product(filters.split(), sorts.split()):
            with store.read() as work:
                page = getattr(work, noun).page(Query(filters={name: getattr(entity, name)}, sort=sort))
            assert page.items == [entity]


def test_bounds_are_compared_in_utc(store: Store):
    with store.begin() as work:
        work.services.add(service("late", created_at=datetime(2026, 1, 1, 23, 30, tzinfo=UTC)))
    assert _names(store, since=datetime(2026, 1, 2, 0, 0, tzinfo=timezone(timedelta(hours=1)))) == ["late"]
