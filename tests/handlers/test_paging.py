"""The pages of lists over HTTP: `has_more` and the links to the other pages."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from handlers.openapi31 import Answer, Operation
from handlers.paging import LAST_PAGE, with_links
from tests.calls import create_targets, operations_with_parameter
from tests.conformance import READ_DOCUMENT
from tests.panel import Panel

LISTS = operations_with_parameter("page")
CONTENT = {"data": [], "total": 45, "page": 2, "per_page": 20, "has_more": True}


@pytest.fixture
def services(panel: Panel) -> list[str]:
    """The names of five services."""
    return [panel.service(f"web-{number}")["name"] for number in range(5)]


def _links(response: httpx.Response) -> dict[str, str]:
    """Return the target of each link below /api, by its relation."""
    return {relation: link["url"].removeprefix("/api") for relation, link in response.links.items()}


def _pages(panel: Panel, path: str) -> Iterator[dict[str, Any]]:
    """Follow the links `next` to the last page."""
    following: str | None = path
    while following is not None:
        response = panel.get(following)
        assert response.status_code == 200, response.text
        yield response.json()
        following = _links(response).get("next")
        assert response.json()["has_more"] is (following is not None)


def test_following_the_links_reads_each_item_once(panel: Panel, services: list[str]) -> None:
    pages = list(_pages(panel, "/services?per_page=2&sort=name&order=asc"))
    assert [len(page["data"]) for page in pages] == [2, 2, 1]
    assert [service["name"] for page in pages for service in page["data"]] == services
    assert [page["page"] for page in pages] == [1, 2, 3]


def test_lists_in_memory_have_pages(panel: Panel, services: list[str]) -> None:
    containers = f"/services/{panel.get('/services').json()['data'][0]['id']}/containers"
    for path in ("/permissions?", "/roles?", "/templates?category=ai&", f"{containers}?"):
        whole = panel.get(path).json()
        assert (len(whole["data"]), whole["has_more"]) == (whole["total"], False)
        pages = list(_pages(panel, f"{path}per_page=1"))
        assert [page["data"] for page in pages] == [[item] for item in whole["data"]]
        empty = panel.get(f"{path}page=1000")
        assert (empty.json()["data"], empty.json()["has_more"]) == ([], False)


@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.operation_id)
def test_every_list_links_to_pages_that_exist(panel: Panel, operation: Operation) -> None:
    targets = create_targets(panel)
    response = targets.send(panel, operation, query="per_page=1&page=2")
    links = _links(response)
    assert {"first", "prev", "last"} <= links.keys() <= {"first", "prev", "next", "last"}
    for target in links.values():
        linked = panel.get(target)
        assert linked.status_code == 200
        assert linked.json()["per_page"] == 1


def test_links_keep_the_filters(panel: Panel, services: list[str]) -> None:
    response = panel.get("/services?search=web-&per_page=2&page=2&order=asc&sort=name")
    first = "/services?search=web-&per_page=2&order=asc&sort=name&page="
    assert _links(response) == {"first": f"{first}1", "prev": f"{first}1", "next": f"{first}3", "last": f"{first}3"}


@pytest.mark.parametrize("search", ['a>; rel="next", <https://evil.example/', "ä&page=7 %26+", "\U0001f600" * 100])
def test_links_encode_what_the_client_sent(panel: Panel, search: str) -> None:
    response = panel.get("/services", params={"search": search, "page": 3})
    assert response.status_code == 200
    links = _links(response)
    assert links.keys() == {"first", "prev", "last"}
    for target in links.values():
        assert parse_qs(urlsplit(target).query) == {"search": [search], "page": ["1"]}


def test_a_page_beyond_the_last_links_back_to_it(panel: Panel, services: list[str]) -> None:
    response = panel.get(f"/services?page={LAST_PAGE}&per_page=2")
    assert (response.json()["data"], response.json()["has_more"]) == ([], False)
    assert _links(response)["prev"] == _links(response)["last"] == "/services?per_page=2&page=3"


def test_the_links_of_an_old_total_do_not_end_before_the_next_page() -> None:
    links = with_links(Answer(200, {**CONTENT, "total": 40}), "/api/services?page=2").headers["Link"]
    assert links == (
        '</api/services?page=1>; rel="first", </api/services?page=1>; rel="prev", '
        '</api/services?page=3>; rel="next", </api/services?page=3>; rel="last"'
    )


def test_no_link_leads_beyond_the_highest_page_of_the_document() -> None:
    content = {**CONTENT, "page": LAST_PAGE, "total": 10**9}
    links = str(with_links(Answer(200, content), "/api/services?").headers["Link"])
    assert 'rel="next"' not in links
    assert f'page={LAST_PAGE}>; rel="last"' in links
    assert READ_DOCUMENT.raw["components"]["parameters"]["Page"]["schema"]["maximum"] == LAST_PAGE


def test_the_pages_of_a_list_may_be_read_with_head(panel: Panel, services: list[str]) -> None:
    assert "next" in panel.request("HEAD", "/services?per_page=1").links
