"""The rules of the house: one noun one name, small pieces, imports that point downwards, no shell."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from importlinter.cli import lint_imports

from handlers.openapi31 import Document, Operation
from handlers.static_asset import DOCUMENT
from tests.sizes import ROOT, Function, function_lines, module_lines, modules, statements

OPERATIONS = Document.load(DOCUMENT.content).operations()
TAGS = sorted({operation.tag for operation in OPERATIONS})
ALL = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
WITHOUT_RULE = {"get_openapi": "answers the bytes of the document, about which there is nothing to decide"}
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)


@ALL
def test_an_operation_its_handler_and_its_rule_have_one_name(operation: Operation) -> None:
    assert callable(getattr(import_module(f"handlers.{operation.tag}"), operation.operation_id))
    rule = getattr(import_module(f"domain.{operation.tag}"), operation.operation_id, None)
    assert callable(rule) != (operation.operation_id in WITHOUT_RULE)


def _public(path: str) -> Iterator[Function]:
    tree = ast.parse((ROOT / path).read_text())
    return (node for node in tree.body if isinstance(node, Function) and not node.name.startswith("_"))


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_module_has_the_handlers_of_its_tag_and_nothing_else(tag: str) -> None:
    wanted = {operation.operation_id for operation in OPERATIONS if operation.tag == tag}
    assert {handler.name for handler in _public(f"handlers/{tag}.py")} == wanted


@ALL
def test_a_handler_says_its_method_and_path_and_only_translates(operation: Operation) -> None:
    handler = next(one for one in _public(f"handlers/{operation.tag}.py") if one.name == operation.operation_id)
    assert ast.get_docstring(handler) == f"{operation.method} {operation.path}"
    body = statements(handler)
    assert not [node for one in body for node in ast.walk(one) if isinstance(node, BRANCHES)]
    assert (body[-1].end_lineno or 0) - body[0].lineno < 8


def test_every_module_opens_with_a_sentence() -> None:
    for path, tree, _ in modules("domain", "handlers", "ws", "tests", "scripts"):
        first = (ast.get_docstring(tree) or "").partition("\n\n")[0]
        assert re.fullmatch(r"[A-Z0-9`].*[.:?]", first, re.DOTALL), f"{path}: {first or 'no docstring'}"


def test_modules_and_functions_are_small() -> None:
    long_modules = {path: lines for path, lines in module_lines().items() if lines > 300}
    long_functions = {name: lines for name, lines in function_lines().items() if lines > 30}
    assert (long_modules, long_functions) == ({}, {})


def test_every_module_is_named_after_what_is_in_it() -> None:
    empty = re.compile(r"(^|_)(utils?|helpers?|common|managers?|base|misc|impl|core|lib)(_|$)")
    named = [Path(path).with_suffix("").parts for path, _, _ in modules("domain", "handlers", "ws", "tests", "scripts")]
    assert not [parts for parts in named if any(empty.search(part) for part in parts)]


def test_tests_shadow_no_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("package", ["handlers", "domain", "ws", "spec"])
def test_a_package_of_ours_is_only_ours(package: str) -> None:
    assert set(packages_distributions().get(package, ["ai-admin-panel"])) == {"ai-admin-panel"}


def _shell(node: ast.AST) -> bool:
    """Whether a call lets a shell, or a string that is split like one, near a process."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    if name in (
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "create_subprocess_shell",
    ):
        return True
    if any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords):
        return True
    return name.startswith("subprocess.") and bool(node.args) and not isinstance(node.args[0], ast.List)


@pytest.mark.parametrize("call", ["os.system(x)", "run(x, shell=True)", "subprocess.run('ls ' + x)"])
def test_a_call_of_a_shell_is_seen(call: str) -> None:
    assert [node for node in ast.walk(ast.parse(call)) if _shell(node)]


def test_nothing_calls_a_shell() -> None:
    for path, tree, _ in modules():
        assert not [node.lineno for node in ast.walk(tree) if _shell(node)], path  # type: ignore[attr-defined]


def test_nothing_evaluates_text_or_unpickles_it() -> None:
    for path, tree, _ in modules():
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"eval", "exec", "compile", "pickle.loads", "marshal.loads", "yaml.unsafe_load"}, path


def _texts() -> Iterator[tuple[str, str]]:
    for folder in ("domain", "handlers", "ws", "tests", "spec", "scripts"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in {"", ".py", ".yaml", ".sh", ".cfg", ".toml", ".md", ".csv", ".html"}:
                yield str(path.relative_to(ROOT)), path.read_text()


def test_nothing_says_where_or_when_it_was_written() -> None:
    """Homes of one machine, notes to oneself, numbers of a tracker. Templates name homes in containers."""
    notes = r"\bTO-?DO\b|\bFIX-?ME\b|\bXXX\b|\b[Ii]ssue #?\d+\b"
    homes = r"(?<![\w.}])/(home|Users)/\w"
    for path, text in _texts():
        wrong = notes if path.startswith(("tests/", "domain/catalogue/builtin/")) else f"{notes}|{homes}"
        assert not re.search(wrong, text), path


def test_imports_point_the_way_of_the_contracts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The linter's configuration of logging disables every logger of this process, which other tests read.
    monkeypatch.setattr("importlinter.cli.logging_config.dictConfig", lambda _: None)
    outcome: Any = lint_imports(config_filename=str(ROOT / "setup.cfg"), no_cache=True)
    assert outcome == 0, capsys.readouterr().out
