"""The document is valid, keeps to the fixed table, and says everything that its readers rely on."""

import re
from collections import Counter
from configparser import ConfigParser
from itertools import combinations
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from scripts.scaffold.row import Row, read_table
from tests.contract.reading import (
    COMPONENTS,
    RAW,
    Operation,
    below,
    nodes,
    operations,
    references,
    resolved,
)
from tests.operation_data import operation_data, path_parameters, pending_operations

ALL = pytest.mark.parametrize("operation", operations(), ids=str)
COMMON = {"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


def test_the_document_is_valid_openapi_3_1() -> None:
    assert RAW["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(RAW).validate()


@ALL
def test_an_operation_is_the_one_in_the_fixed_table(operation: Operation) -> None:
    row = read_table()[operation.id]
    assert (
        Row(
            tag=operation.raw["tags"][0],
            method=operation.method.upper(),
            path=operation.path,
            operation_id=operation.id,
            permission=operation.raw["x-permission"],
            rate_tier=operation.raw["x-rate-tier"],
            success=row.success,
            summary=row.summary,
        )
        == row
    )
    assert row.success in operation.responses
    assert len(operation.raw["tags"]) == 1


@ALL
def test_a_success_beside_that_of_the_table_is_work_that_goes_on(operation: Operation) -> None:
    for status, response in operation.raw["responses"].items():
        if status.startswith("2") and status != read_table()[operation.id].success:
            assert (status, response) == ("202", {"$ref": "#/components/responses/OperationAccepted"})


@ALL
def test_a_dry_run_returns_the_schema_of_the_request(operation: Operation) -> None:
    """Generated clients return the type of the first success: another one for dry runs would break them."""
    if operation.has("dry_run"):
        successes = [response for status, response in operation.responses.items() if status[0] == "2"]
        schemas = [resolved(one["content"]["application/json"]["schema"]) for one in successes if "content" in one]
        assert len(schemas) == 1
        assert schemas[0]["properties"]["dry_run"] == {"$ref": "#/components/schemas/DryRun"}
        assert "dry_run" not in schemas[0]["required"]


def test_the_fixed_table_has_158_operations() -> None:
    assert len(read_table()) == 158


def test_the_version_of_the_document_is_that_of_the_package_and_the_newest_in_the_changelog() -> None:
    package = ConfigParser()
    package.read("setup.cfg")
    assert RAW["info"]["version"] == package["metadata"]["version"]
    changelog = Path("CHANGELOG.md").read_text()
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == RAW["info"]["version"]


def test_a_released_document_is_not_the_current_version() -> None:
    released = [path.stem for path in Path("spec/released").glob("*.yaml")]
    assert released
    assert RAW["info"]["version"] not in released


def test_sections_follow_the_order_of_the_tags() -> None:
    order = [tag["name"] for tag in RAW["tags"]]
    told = [operation.raw["tags"][0] for operation in operations()]
    assert list(dict.fromkeys(told)) == order
    assert told == sorted(told, key=order.index)


@ALL
def test_an_operation_explains_itself(operation: Operation) -> None:
    assert 3 <= len(operation.raw["summary"]) <= 60
    assert not operation.raw["summary"].endswith(".")
    assert operation.raw["description"].strip().endswith((".", "?"))
    for parameter in operation.parameters:
        assert parameter["description"], parameter["name"]
    for status, response in operation.responses.items():
        assert response["description"], status


def test_tags_headers_and_schemes_explain_themselves() -> None:
    for node in (*RAW["tags"], *COMPONENTS["headers"].values(), *COMPONENTS["securitySchemes"].values()):
        assert node["description"]


_REFERRING = ("create_domain", "create_ws_ticket", "create_customer", "create_subscription", "create_user")
"""Operations whose bodies name resources that may not exist, such as a plan or the topics of a ticket."""

_SIGNED = ("receive_deploy_hook",)
"""Operations whose credential is the signature of the body: what they name is unknown (401) without it."""


@ALL
def test_every_answer_that_can_come_is_documented_and_no_other(operation: Operation) -> None:
    """Beyond this, 409 belongs to rules: only where an Idempotency-Key is taken must it be there."""
    permission, body = operation.raw["x-permission"], "requestBody" in operation.raw
    by_cookie = any("cookieAuth" in requirement for requirement in operation.raw.get("security", RAW["security"]))
    expected = {
        "304": operation.has("If-None-Match"),
        "400": True,
        "401": any(operation.raw.get("security", RAW["security"])) or operation.id in _SIGNED,
        "403": permission not in ("public", "authenticated")
        or (by_cookie and operation.method != "get")
        or operation.id == "finish_login"  # a person without a role in the panel
        or operation.id in _SIGNED,  # a plan without the feature that the deployment needs
        "404": ("{" in operation.path and operation.id not in _SIGNED) or operation.id in _REFERRING,
        "405": False,
        "412": operation.has("If-Match"),
        "413": body,
        "415": body,
        "422": body,
        "429": True,
        "500": True,
        "503": operation.raw.get("security") != [],
    }
    assert {status: status in operation.responses for status in expected} == expected
    assert "409" in operation.responses or not operation.has("Idempotency-Key")


@ALL
def test_every_error_has_the_one_shape(operation: Operation) -> None:
    for status, response in operation.raw["responses"].items():
        if status[0] in "45" and not (operation.id == "get_health" and status == "503"):
            assert response["$ref"].startswith("#/components/responses/"), status
            content = resolved(response)["content"]
            assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorResponse"}


@ALL
def test_every_response_names_its_headers(operation: Operation) -> None:
    for status, response in operation.responses.items():
        assert _headers_expected(operation, status) <= response["headers"].keys(), status
        for name, header in response["headers"].items():
            assert header == {"$ref": f"#/components/headers/{name}"}


def _headers_expected(operation: Operation, status: str) -> set[str]:
    more = {
        "ETag": status == "304" or (status == "200" and operation.has("If-None-Match")),
        "Location": status == "202",
        "Retry-After": status == "429",
        "WWW-Authenticate": status == "401",
    }
    return COMMON | {name for name, wanted in more.items() if wanted}


def test_the_headers_of_every_response_are_promised_not_only_possible() -> None:
    for name in (*COMMON, "ETag", "Link", "Retry-After", "WWW-Authenticate"):
        assert COMPONENTS["headers"][name]["required"] is True, name


@ALL
def test_an_operation_with_an_effect_can_be_repeated_and_a_read_can_be_kept(operation: Operation) -> None:
    data = operation_data(operation.id)
    assert operation.has("Idempotency-Key") == (operation.method == "post" and data.has_effect)
    if operation.method in ("put", "patch", "delete"):
        assert operation.has("If-Match") == data.has_revision
    if operation.method == "get" and operation.path.endswith("}"):
        assert operation.has("If-None-Match")


@ALL
def test_security_names_schemes_that_are_defined(operation: Operation) -> None:
    used = {name for need in operation.raw.get("security", RAW["security"]) for name in need}
    assert used <= COMPONENTS["securitySchemes"].keys()
    assert (operation.raw["x-permission"] == "public") == ({} in operation.raw.get("security", [{"": 1}]) or not used)


@ALL
def test_security_requirements_name_the_permission_of_the_operation(operation: Operation) -> None:
    """OpenAPI 3.1 lets requirements of all schemes name roles; generators and readers see the permission there."""
    permission = operation.raw["x-permission"]
    named = [] if permission in ("public", "authenticated") else [permission]
    for requirement in operation.raw.get("security", RAW["security"]):
        assert all(scopes == named for scopes in requirement.values())


@ALL
def test_links_lead_to_operations_and_take_what_the_answer_has(operation: Operation) -> None:
    by_id = {one.id: one for one in operations()}
    for response in operation.responses.values():
        for name, link in response.get("links", {}).items():
            target = by_id[link["operationId"]]
            in_path = {parameter["name"] for parameter in target.parameters if parameter["in"] == "path"}
            assert link["parameters"].keys() == in_path, name
            properties = resolved(response["content"]["application/json"]["schema"])["properties"]
            for expression in link["parameters"].values():
                found = re.fullmatch(r"\$response\.body#/(\w+)", expression)
                assert found, expression
                assert found[1] in properties


@ALL
def test_a_created_resource_links_to_all_operations_on_it(operation: Operation) -> None:
    parameter = operation_data(operation.id).creates
    if parameter:
        linked = {link["operationId"] for link in operation.responses["201"]["links"].values()}
        on_it = {one.id for one in operations() if re.findall(r"{(\w+)}", one.path)[-1:] == [parameter]}
        assert on_it - pending_operations() <= linked


def test_every_path_parameter_has_an_operation_that_creates_it_or_test_data() -> None:
    in_paths = {name for path in RAW["paths"] for name in re.findall(r"{(\w+)}", path)}
    assert in_paths == path_parameters().keys()


def test_no_two_paths_match_the_same_request() -> None:
    for one, other in combinations(RAW["paths"], 2):
        pairs = list(zip(one.split("/"), other.split("/"), strict=False))
        if one.count("/") == other.count("/") and all(_may_be_equal(*pair) for pair in pairs):
            literal = [(a, b) if "{" in b else (b, a) for a, b in pairs if a != b]
            assert literal, f"{one} and {other} are the same"
            assert not all("{" in a or _fits(a, b) for a, b in literal), f"{one} and {other}"


def _may_be_equal(one: str, other: str) -> bool:
    return one == other or "{" in one or "{" in other


def _fits(segment: str, parameter: str) -> bool:
    """Whether a fixed segment could be read as the value of a parameter."""
    schemas = [
        one["schema"] for operation in operations() for one in operation.parameters if one["name"] == parameter[1:-1]
    ]
    return re.search(schemas[0]["pattern"], segment) is not None


def test_nothing_is_used_that_generators_of_clients_stumble_over() -> None:
    assert "webhooks" not in RAW
    assert "pathItems" not in COMPONENTS
    for path, item in RAW["paths"].items():
        assert "$ref" not in item, path
        assert item.keys() <= {"parameters", "get", "put", "post", "delete", "patch"}, path
    for pointer, node in nodes():
        if isinstance(node, dict) and "content" in node and not pointer.endswith("/properties"):
            for media_type, content in node["content"].items():
                assert "schema" in content, below(pointer, media_type)


@ALL
def test_every_parameter_has_one_plain_type_and_the_usual_style(operation: Operation) -> None:
    for parameter in operation.parameters:
        assert parameter.keys() <= {"name", "in", "required", "description", "schema"}, parameter["name"]
        assert resolved(parameter["schema"])["type"] in ("string", "integer", "boolean"), parameter["name"]
        assert parameter["in"] in ("path", "query", "header")


@ALL
def test_a_list_pages_sorts_and_answers_the_envelope(operation: Operation) -> None:
    """`page` in the document is what adds the header `Link` to the responses. Short lists have one order."""
    is_list = operation.id.startswith("list_") and not operation.has("after")  # a cursor has no pages
    assert operation.has("page") is operation.has("per_page") is is_list
    if is_list:
        short = {"$ref": "#/components/parameters/PerPageOfShortList"} in operation.raw["parameters"]
        assert operation.has("sort") is operation.has("order") is not short
        success = operation.responses["200"]
        schema = resolved(success["content"]["application/json"]["schema"])
        assert schema["required"] == list(schema["properties"])
        assert schema["required"][:5] == ["data", "total", "page", "per_page", "has_more"]
        assert "Link" in success["headers"]


@ALL
def test_every_body_that_is_sent_has_an_example(operation: Operation) -> None:
    for media_type, content in operation.raw.get("requestBody", {}).get("content", {}).items():
        assert "example" in content or "examples" in content, media_type


def test_every_component_is_used() -> None:
    used = references(RAW["paths"])
    for kind in ("schemas", "parameters", "headers", "responses"):
        unused = {name for name in COMPONENTS[kind] if f"#/components/{kind}/{name}" not in used}
        assert not unused, kind


def test_a_component_has_a_name_of_its_own() -> None:
    """Generators make one type of each name, whatever the kind of the component."""
    names = Counter(name for components in COMPONENTS.values() for name in components)
    assert not [name for name, count in names.items() if count > 1]


@ALL
def test_a_body_is_not_named_like_a_constructor(operation: Operation) -> None:
    """Go's generators write a function `NewService` for a type `Service`."""
    for content in operation.raw.get("requestBody", {}).get("content", {}).values():
        assert not content["schema"]["$ref"].rpartition("/")[2].startswith("New")
