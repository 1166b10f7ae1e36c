"""The skeleton that `scripts/new-operation` writes: complete, repeatable, and green except for its reminders."""

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.sizes import ROOT

PARTS = ("domain", "handlers", "ws", "spec", "scripts", "tests", "setup.cfg", "pyproject.toml", "CHANGELOG.md")
ROWS = """\
gadgets,POST,/gadgets,create_gadget,plans.write,authenticated,201,Make a gadget
gadgets,GET,/gadgets,list_gadgets,plans.read,authenticated,200,"Filters none, by name"
gadgets,GET,/gadgets/{gadget_id},get_gadget,plans.read,authenticated,200,With its ETag
gadgets,PATCH,/gadgets/{gadget_id},update_gadget,plans.write,authenticated,200,Change; If-Match
gadgets,DELETE,/gadgets/{gadget_id},delete_gadget,plans.write,authenticated,204,Remove it for good
gadgets,POST,/gadgets/{gadget_id}/polish,polish_gadget,plans.write,deploy,202,Background work
"""
NAMES = tuple(re.findall(r"(\w+_gadgets?),", ROWS))
STORE = "domain/ports/store.py"
CHECKS = (
    "tests/test_house.py",
    "tests/contract/test_inputs.py",
    "tests/contract/test_document.py",
    "tests/contract/test_schemas.py",
    "tests/adapters/sql/test_schema.py",
)


def run(copy: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in the copy, which goes before the installed panel."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=100, check=False)


def texts(copy: Path) -> dict[str, str]:
    """Return all files of the copy that a scaffold may change."""
    files = [path for part in PARTS for path in ((copy / part).rglob("*") if (copy / part).is_dir() else [copy / part])]
    kinds = {".py", ".yaml", ".cfg", ".toml", ".csv"}
    return {str(path.relative_to(copy)): path.read_text() for path in files if path.suffix in kinds}


def removed_lines(before: str, after: str) -> list[str]:
    """Return the lines that are in `before` alone."""
    return [line[2:] for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with six more operations in its table."""
    copy = tmp_path_factory.mktemp("repository")
    for part in PARTS:
        source, ignored = ROOT / part, shutil.ignore_patterns("__pycache__", "node_modules")
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=ignored)
        else:
            shutil.copy(source, copy / part)
    with (copy / "tests/contract/operations.csv").open("a") as table:
        table.write(ROWS)
    return copy


@pytest.fixture(scope="module")
def changes(copy: Path) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """All files before and after the skeletons were written."""
    before = texts(copy)
    for name in NAMES:
        written = run(copy, "scripts.scaffold", "gadgets", name)
        assert (written.returncode, written.stderr) == (0, ""), name
    return before, texts(copy)


def test_a_new_resource_changes_three_files_that_exist(changes: tuple[Mapping[str, str], Mapping[str, str]]) -> None:
    before, after = changes
    assert {path for path in before if before[path] != after.get(path)} == {"setup.cfg", STORE, "spec/openapi.yaml"}
    assert [line for path in (STORE, "spec/openapi.yaml") for line in removed_lines(before[path], after[path])] == []
    changed = removed_lines(before["setup.cfg"], after["setup.cfg"])
    assert all(f"\n{line} | gadgets\n" in after["setup.cfg"] for line in changed)
    (migration,) = (path for path in after if path.endswith("_gadgets.py") and "/migrations/" in path)
    assert after.keys() - before.keys() == {
        migration,
        "domain/adapters/sql/repositories/gadgets.py",
        "domain/gadgets.py",
        "domain/model/gadget.py",
        "handlers/gadgets.py",
        "handlers/serializers/gadgets.py",
        "tests/handlers/test_gadgets.py",
        "tests/operations/gadgets.py",
    }


@pytest.mark.usefixtures("changes")
def test_repeating_it_overwrites_nothing(copy: Path) -> None:
    rule = copy / "domain/gadgets.py"
    rule.write_text(rule.read_text().replace("Create a gadget.", "Create a gadget, as its maker wants it."))
    before = texts(copy)
    for name in NAMES:
        repeated = run(copy, "scripts.scaffold", "gadgets", name)
        assert (repeated.returncode, repeated.stdout) == (0, f"new-operation: {name} is written already\n")
    assert texts(copy) == before


@pytest.mark.usefixtures("changes")
def test_an_operation_that_no_table_has_is_refused(copy: Path) -> None:
    before = texts(copy)
    refused = run(copy, "scripts.scaffold", "gadgets", "break_gadget")
    assert refused.returncode == 2
    assert "tests/contract/operations.csv has no operation break_gadget of the tag gadgets" in refused.stdout
    assert texts(copy) == before


@pytest.mark.usefixtures("changes")
def test_the_skeleton_is_well_formed(copy: Path) -> None:
    for arguments in (("check", "--quiet", "--no-cache", "."), ("format", "--check", "--no-cache", ".")):
        ended = run(copy, "ruff", *arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.usefixtures("changes")
def test_only_the_reminders_fail_and_say_what_to_do(copy: Path) -> None:
    chosen = "not fixed_table and (gadget or house or document or schemas or leave_no_difference)"
    options = ("-q", "--no-header", "-k", chosen, "-m", "not postgres", "-p", "no:cacheprovider", "-p", "no:xdist")
    ended = run(copy, "pytest", *options, *CHECKS, "tests/handlers/test_gadgets.py")
    failed = re.findall(r"^FAILED \S+::(\w+)", ended.stdout, re.MULTILINE)
    assert sorted(failed) == sorted(f"test_{name}_is_finished" for name in NAMES), ended.stdout[-3000:]
    for name in NAMES:
        assert f'Finish {name}. README.md, "To add an operation", describes each step:' in ended.stdout
