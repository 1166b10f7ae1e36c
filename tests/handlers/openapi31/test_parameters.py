"""Parameters: from the request to the arguments of the handler, and errors."""

from typing import Any

import pytest

from .conftest import GOOD, Client, Json

ID = "0190a2f4-0000-7000-8000-000000000000"
VISIT = f"/shop/pets/{ID}/visits"
CLINIC = {"X-Clinic": "north"}

QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("", {"page": 1}),
    ("page=3", {"page": 3}),
    ("page=007", {"page": 7}),
    ("kind=cat&kind=dog", {"page": 1, "kind": ["cat", "dog"]}),
    ("kind=cat", {"page": 1, "kind": ["cat"]}),
    ("sort=1,2", {"page": 1, "sort": [1, 2]}),
    ("sort=1%2C2", {"page": 1, "sort": [1, 2]}),
    ("sort=", {"page": 1, "sort": []}),
    ("alive=true", {"page": 1, "alive": True}),
    ("alive=false&", {"page": 1, "alive": False}),
    ("alive=True", {"page": 1, "alive": True}),
    ("alive=FALSE", {"page": 1, "alive": False}),
    ("alive=1", {"page": 1, "alive": True}),
    ("alive=0", {"page": 1, "alive": False}),
    ("weight=1.5e1", {"page": 1, "weight": 15.0}),
    ("weight=5e-324", {"page": 1, "weight": 5e-324}),
    ("choice=true", {"page": 1, "choice": True}),
    ("choice=6", {"page": 1, "choice": 6}),
    ("maybe=6", {"page": 1, "maybe": 6}),
    ("fixed=7", {"page": 1, "fixed": 7}),
    ("untyped=1", {"page": 1, "untyped": 1}),
    ("untyped=tw%6f", {"page": 1, "untyped": "two"}),
]
BAD_QUERIES: list[tuple[str, list[tuple[str, str]]]] = [
    ("page=0", [("page", "must be at least 1")]),
    ("page=101", [("page", "must be at most 100")]),
    ("page=", [("page", "must be an integer")]),
    ("page", [("page", "must be an integer")]),
    ("page=1.0", [("page", "must be an integer")]),
    ("page=+1", [("page", "must be an integer")]),
    ("page=%D9%A1", [("page", "must be an integer")]),
    ("page=9223372036854775808", [("page", "must be an integer")]),
    ("page=" + "9" * 5000, [("page", "must be an integer")]),
    ("page=1&page=2", [("page", "must be given only once")]),
    (
        "page=a&kind=fox&limit=1",
        [
            ("limit", "is not a known parameter"),
            ("page", "must be an integer"),
            ("kind", "must be cat or dog (item 1)"),
        ],
    ),
    ("Page=1", [("Page", "is not a known parameter")]),
    ("page%5B%5D=1", [("page[]", "is not a known parameter")]),
    ("=1", [("", "is not a known parameter")]),
    ("alive=yes", [("alive", "must be true or false")]),
    ("alive=2", [("alive", "must be true or false")]),
    ("alive=01", [("alive", "must be true or false")]),
    ("alive=", [("alive", "must be true or false")]),
    ("alive=%D0%95true", [("alive", "must be true or false")]),
    ("weight=inf", [("weight", "must be a number")]),
    ("weight=1e999", [("weight", "must be a number")]),
    ("weight=nan", [("weight", "must be a number")]),
    ("weight=0", [("weight", "must be more than 0")]),
    ("sort=1,a", [("sort", "must be an integer (item 2)")]),
    ("choice=4", [("choice", "must be at least 5")]),
    ("maybe=null", [("maybe", "must be an integer or null")]),
    ("fixed=8", [("fixed", "must be 7")]),
    ("untyped=2", [("untyped", "must be 1 or two")]),
    ("page=%FF", [("page", "is not UTF-8")]),
    ("kind=%ED%A0%80", [("kind", "is not UTF-8")]),
    ("%FF=1", [("%FF", "is not UTF-8")]),
]


@pytest.mark.parametrize(("query", "given"), QUERIES)
def test_query_parameters_reach_the_handler(ask: Client, query: str, given: dict[str, Any]) -> None:
    assert ask("GET", f"/shop/pets?{query}").json() == {"caller": None, **given}


@pytest.mark.parametrize(("query", "faults"), BAD_QUERIES)
def test_bad_query_parameters_are_named_all_at_once(ask: Client, query: str, faults: list[tuple[str, str]]) -> None:
    refused = ask("GET", f"/shop/pets?{query}")
    assert refused.status_code == 400
    assert [tuple(fault) for fault in refused.json()["faults"]] == [("query", *fault) for fault in faults]


def test_the_number_of_reported_errors_is_limited(ask: Client) -> None:
    refused = ask("GET", "/shop/pets?" + "&".join(f"x{number}=1" for number in range(500)))
    assert len(refused.json()["faults"]) == 100


def test_an_operation_without_parameters_refuses_any(ask: Client) -> None:
    assert ask("GET", "/shop/events?page=1").json()["faults"] == [["query", "page", "is not a known parameter"]]


def test_path_parameters_are_read_by_their_type(ask: Client) -> None:
    given = ask("GET", f"{VISIT}/7?token=a", headers=CLINIC).json()
    assert given == {"caller": None, "pet_id": ID, "number": 7, "token": "a", "x_clinic": "north"}


def test_errors_of_all_locations_are_reported_together(ask: Client) -> None:
    refused = ask("GET", "/shop/pets/rex/visits/0")
    assert refused.status_code == 400
    assert sorted(map(tuple, refused.json()["faults"])) == [
        ("header", "X-Clinic", "is required"),
        ("path", "number", "must be at least 1"),
        ("path", "pet_id", "must be a UUID"),
        ("query", "token", "is required"),
    ]


def test_a_path_that_is_not_utf_8_is_an_error_of_its_parameter(ask: Client) -> None:
    refused = ask("GET", "/shop/pets/%FF/visits/1?token=a", headers=CLINIC)
    assert refused.json()["faults"] == [["path", "pet_id", "is not UTF-8"]]


def pet(ask: Client, *headers: tuple[str, str]) -> Json:
    return ask("GET", "/shop/pets/rex?key=good", headers=[*headers, *GOOD.items()]).json()


def test_header_and_cookie_parameters_are_read_by_their_type(ask: Client) -> None:
    given = pet(ask, ("X-Depth", "3"), ("x-tags", "a, b"), ("X-Tags", "c"), ("Cookie", "a=b; theme=4; theme=5"))
    assert given.pop("caller")
    assert given == {"pet_id": "rex", "x_depth": 3, "x_tags": ["a", "b", "c"], "theme": 4}


def test_bad_headers_and_cookies_are_named(ask: Client) -> None:
    faults = pet(ask, ("X-Depth", "deep"), ("Cookie", "theme=dark"))["faults"]
    assert faults == [["header", "X-Depth", "must be an integer"], ["cookie", "theme", "must be an integer"]]


def test_a_header_given_twice_is_refused(ask: Client) -> None:
    faults = pet(ask, ("If-None-Match", "a"), ("If-None-Match", "b"))["faults"]
    assert faults == [["header", "If-None-Match", "must be given only once"]]


def test_credentials_in_the_query_are_no_unknown_parameter(ask: Client) -> None:
    assert "faults" not in pet(ask)
