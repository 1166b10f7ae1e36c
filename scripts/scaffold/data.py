"""Write the test data of an operation, and the test that says what to do next."""

from pathlib import Path

from scripts.scaffold.row import Row

_STEPS = """\
Finish {operation_id}. README.md, "To add an operation", describes each step:
1. spec/openapi.yaml: write the description, schemas and examples, and links in the response that creates the resource.
2. domain/model, domain/ports/store.py, domain/adapters/sql: store a new resource; add a migration.
3. domain/{tag}: write the rule and its inputs.
4. handlers/serializers/{tag}.py: write a serializer for each response schema.
5. tests/operations/{tag}.py: say how tests create the resource, and take the operation out of PENDING.
6. tests/handlers/test_{tag}.py: replace this test by tests of what the operation does."""


def write(row: Row) -> list[Path]:
    """Write what is missing and return the changed files."""
    return [*_data(row), *_test(row)]


def _data(row: Row) -> list[Path]:
    path = Path("tests/operations") / f"{row.tag}.py"
    before = path.read_text() if path.exists() else f'"""Test data of the tag `{row.tag}`."""\n'
    after = before
    for name in row.path_parameters:
        if not _is_declared(name) and f'"{name}":' not in after:
            after = _with_path_parameter(after, row, name)
    if f'"{row.operation_id}"' not in after:
        after = _with_entry(after, "PENDING", f'"{row.operation_id}",')
    path.write_text(after)
    return [path] if after != before or not before else []


def _is_declared(parameter: str) -> bool:
    return any(f'"{parameter}": PathParameter' in path.read_text() for path in Path("tests/operations").glob("*.py"))


def _with_path_parameter(text: str, row: Row, name: str) -> str:
    collection = row.path.partition(f"/{{{name}}}")[0]
    create = f'lambda resources: str(resources.panel.post("{collection}", {{"name": "example"}}).json()["id"])'
    unknown = f"{name.removesuffix('_id')}_{'01'.ljust(26, 'a')}"
    line = "from tests.operation_data import PathParameter"
    if "PathParameter" not in text:
        end = text.index('"""', 3) + 3
        text = f"{text[:end]}\n\n{line}\n{text[end:]}"
    return _with_entry(text, "PATH_PARAMETERS", f'"{name}": PathParameter({create}, "{unknown}"),')


def _with_entry(text: str, name: str, entry: str) -> str:
    """Add an entry to a mapping or set of the module; make it if the module has none."""
    if f"\n{name} = {{" in text:
        return text.replace(f"\n{name} = {{", f"\n{name} = {{{entry} ", 1)
    return f"{text.rstrip()}\n\n{name} = {{\n    {entry}\n}}\n"


def _test(row: Row) -> list[Path]:
    path = Path("tests/handlers") / f"test_{row.tag}.py"
    name = f"test_{row.operation_id}_is_finished"
    text = path.read_text() if path.exists() else f'"""The operations of the tag `{row.tag}` over HTTP."""\n'
    if name in text or (path.exists() and row.operation_id not in _pending(row)):
        return []
    if "import pytest\n" not in text:
        end = text.index('"""', 3) + 3
        text = f"{text[:end]}\n\nimport pytest\n{text[end:]}"
    steps = _STEPS.format(operation_id=row.operation_id, tag=row.tag)
    path.write_text(f'{text.rstrip()}\n\n\ndef {name}() -> None:\n    pytest.fail("""{steps}""")\n')
    return [path]


def _pending(row: Row) -> str:
    """Return the tag's test data: an operation that is no longer pending needs no reminder."""
    return (Path("tests/operations") / f"{row.tag}.py").read_text().partition("PENDING = ")[2]
