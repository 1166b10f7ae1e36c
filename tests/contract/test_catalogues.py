"""The lists of values in the document are those of the code: all of them can occur, and no others."""

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest

from domain import errors
from domain.adapters.sql.work import repository_classes
from domain.compose import CODES
from domain.errors import Refusal
from domain.identity import permissions
from domain.model.deployment import DeploymentStatus, Trigger
from domain.model.operation import Kind, OperationStatus
from domain.model.role import Role
from domain.model.service import DeployMethod, ServiceStatus
from domain.model.steps import FailureCode
from domain.model.template import Category
from tests.contract.reading import COMPONENTS, operations, resolved

ROOT = Path(__file__).parents[2]
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Refusal)}


def _trees() -> Iterator[ast.Module]:
    """Every module of the code."""
    for folder in ("domain", "handlers", "ws"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text(), str(path.relative_to(ROOT)))


def _calls(tree: ast.AST, *names: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a function of one of these names, and the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in names:
                yield name, node


def _literals(tree: ast.AST) -> dict[str, ast.expr]:
    """Names that a module gives to literals."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def _refused(tree: ast.Module) -> Iterator[str]:
    """The codes of the refusals that a module raises."""
    named = _literals(tree)
    for name, call in _calls(tree, *KINDS):
        given = next((word.value for word in call.keywords if word.arg == "code"), None)
        given = named.get(given.id, given) if isinstance(given, ast.Name) else given
        if given is None:
            yield KINDS[name].default
        elif isinstance(given, ast.Constant):
            yield given.value
        else:
            assert ast.unparse(given) == "code", f"{name} with a computed code in line {call.lineno}"


def _taken() -> Iterator[str]:
    """The codes of conflicts that repositories declare."""
    for repository in repository_classes().values():
        yield from (code for _, code in getattr(repository, "conflicts", {}).values())


def _worded() -> Iterator[str]:
    """What the edge and the servers say by themselves."""
    for module in ("handlers/edge/errors", "handlers/edge/refusals", "handlers/program/http_protocol", "ws/connection"):
        tree = ast.parse((ROOT / f"{module}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                entries = dict(zip(map(_text, node.keys), map(_text, node.values), strict=True))
                yield from [entries["code"]] if entries.get("code") else []
        for _, call in _calls(tree, "envelope"):
            yield from filter(None, map(_text, call.args[:1]))


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _values(schema: dict[str, Any]) -> list[str]:
    """The values of a list, whether it is closed or can grow."""
    values: list[str] = schema.get("enum") or schema["x-extensible-enum"]
    return values


def test_error_codes_are_those_that_the_panel_can_answer() -> None:
    listed = COMPONENTS["schemas"]["ErrorCode"]["x-extensible-enum"]
    assert sorted(listed) == sorted({*_worded(), *_taken(), *(code for tree in _trees() for code in _refused(tree))})


def test_failure_codes_are_those_of_the_model() -> None:
    assert COMPONENTS["schemas"]["Failure"]["properties"]["code"]["x-extensible-enum"] == list(get_args(FailureCode))


def test_every_failure_code_is_used() -> None:
    used: set[str] = set()
    for path in (ROOT / "domain").rglob("*.py"):
        if path != ROOT / "domain/model/steps.py":
            used |= {_text(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.expr)}
    assert set(get_args(FailureCode)) <= used


def test_finding_codes_are_those_of_the_policy() -> None:
    assert COMPONENTS["schemas"]["Finding"]["properties"]["code"]["x-extensible-enum"] == list(CODES)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("RoleName", Role),
        ("DeployMethod", DeployMethod),
        ("ServiceDeployMethod", DeployMethod),
        ("ServiceStatus", ServiceStatus),
        ("DeploymentStatus", DeploymentStatus),
        ("DeploymentTrigger", Trigger),
        ("OperationStatus", OperationStatus),
        ("OperationKind", Kind),
    ],
)
def test_the_words_of_a_state_are_those_of_the_model(schema: str, words: type[StrEnum]) -> None:
    assert _values(COMPONENTS["schemas"][schema]) == [word.value for word in words]


@pytest.mark.parametrize(
    ("operation_id", "name", "schema"),
    [
        ("list_services", "status", "ServiceStatus"),
        ("list_services", "deploy_method", "ServiceDeployMethod"),
        ("list_deployments", "status", "DeploymentStatus"),
        ("list_deployments", "trigger", "DeploymentTrigger"),
        ("list_operations", "status", "OperationStatus"),
        ("list_operations", "kind", "OperationKind"),
        ("list_templates", "category", "TemplateCategory"),
    ],
)
def test_a_filter_takes_every_value_that_responses_have(operation_id: str, name: str, schema: str) -> None:
    (parameter,) = (
        parameter
        for operation in operations()
        for parameter in operation.parameters
        if (operation.id, parameter["name"]) == (operation_id, name)
    )
    assert resolved(parameter["schema"])["enum"] == _values(COMPONENTS["schemas"][schema])


def test_categories_are_those_that_template_files_may_name() -> None:
    assert set(COMPONENTS["schemas"]["TemplateCategory"]["x-extensible-enum"]) == set(get_args(Category))


def test_every_operation_needs_a_permission_that_roles_hold() -> None:
    needed = {operation.raw["x-permission"] for operation in operations()} - {"public", "authenticated"}
    assert needed <= permissions.ALL_PERMISSIONS
