"""Routing of a method and a path to an operation."""

import pytest

from handlers.openapi31 import Document, Match, MethodNotAllowed, NotFound, Router
from handlers.openapi31.routing import MATCH

from .conftest import Client


@pytest.fixture(scope="session")
def router(document: Document) -> Router:
    return Router(document.operations(), "/shop")


FOUND = [
    ("GET", "/shop/pets", "list_pets", {}),
    ("HEAD", "/shop/pets", "list_pets", {}),
    ("POST", "/shop/pets/check", "check_pet", {}),
    ("GET", "/shop/pets/rex", "get_pet", {"pet_id": "rex"}),
    ("GET", "/shop/pets/checker", "get_pet", {"pet_id": "checker"}),
    ("GET", "/shop/pets/check/visits/1", "get_visit", {"pet_id": "check", "number": "1"}),
    ("GET", "/shop/pets/a%2Fb", "get_pet", {"pet_id": "a/b"}),
    ("GET", "/shop/pets/%C3%BC", "get_pet", {"pet_id": "ü"}),
    ("GET", "/shop/pets/..", "get_pet", {"pet_id": ".."}),
    ("POST", "/shop/%70ets/check", "check_pet", {}),
    ("OPTIONS", "/shop/events", "describe_events", {}),
]
UNKNOWN = ["/", "", "/shop", "/shop/", "/pets", "/shop/pets/", "/shop//pets", "/shop/pets//visits/1", "/SHOP/pets"]
UNKNOWN += ["/shop/Pets", "/shop/pets/a/b", "/shop/pets/rex/visits", "/shop/pets/rex/visits/", "/shopping/pets"]
REFUSED = [
    ("DELETE", "/shop/pets", "GET, HEAD, POST"),
    ("OPTIONS", "/shop/pets", "GET, HEAD, POST"),
    ("TRACE", "/shop/pets", "GET, HEAD, POST"),
    ("get", "/shop/pets", "GET, HEAD, POST"),
    ("GET", "/shop/pets/check", "POST"),
    ("HEAD", "/shop/pets/check", "POST"),
    ("POST", "/shop/pets/rex", "GET, HEAD, PATCH"),
    ("POST", "/shop/events", "GET, HEAD, OPTIONS"),
]


@pytest.mark.parametrize(("method", "path", "operation_id", "values"), FOUND)
def test_a_path_matches_an_operation(router: Router, method: str, path: str, operation_id: str, values: object) -> None:
    found = router.match(method, path)
    assert isinstance(found, Match)
    assert (found.operation.operation_id, found.path_values) == (operation_id, values)


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_undocumented_path_is_not_found(router: Router, path: str) -> None:
    assert isinstance(router.match("GET", path), NotFound)


@pytest.mark.parametrize(("method", "path", "allow"), REFUSED)
def test_another_method_is_refused_with_those_allowed(router: Router, method: str, path: str, allow: str) -> None:
    found = router.match(method, path)
    assert isinstance(found, MethodNotAllowed)
    assert found.allow == allow


def test_a_match_is_stored_in_the_scope(router: Router) -> None:
    scope = {"method": "GET", "path": "/shop/pets", "raw_path": b"/shop/pets"}
    found = router.find(scope)
    assert scope[MATCH] is found
    assert router.find({**scope, "path": "/elsewhere", "raw_path": b"/elsewhere"}) is found


def test_servers_without_raw_paths_are_supported(router: Router) -> None:
    assert isinstance(router.find({"method": "GET", "path": "/shop/pets/a b"}), Match)


@pytest.mark.parametrize(("method", "path", "allow"), [row for row in REFUSED if row[0].isupper()])
def test_405_carries_allow(ask: Client, method: str, path: str, allow: str) -> None:
    refused = ask(method, path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, allow)


def test_404_comes_before_security(ask: Client) -> None:
    assert ask("GET", "/shop/nothing").json() == {"kind": "NotFound"}


def test_head_is_get_without_its_body(ask: Client) -> None:
    got, head = ask("GET", "/shop/pets"), ask("HEAD", "/shop/pets")
    assert head.status_code == 200
    assert head.headers == got.headers
    assert got.content
    assert not head.content


def test_head_of_an_error_has_no_body(ask: Client) -> None:
    got, head = ask("GET", "/shop/pets?page=0"), ask("HEAD", "/shop/pets?page=0")
    assert (head.status_code, head.headers, head.content) == (400, got.headers, b"")
