"""Write the handler, rule, model and serializer of an operation, each into its module."""

import re
from pathlib import Path

from scripts.scaffold.row import Row, pascal_case

_PORTS = ["from domain.identity.access import Caller", "from domain.ports import Ports"]


def write(row: Row) -> list[Path]:
    """Write what is missing and return the changed files."""
    steps = (_layers, _model, _rule, _serializer, _handler)
    return [path for step in steps for path in step(row)]


def append(path: Path, docstring: str, imports: list[str], name: str, snippet: str) -> list[Path]:
    """Append a definition and its imports to a module, unless the module has one of this name."""
    text = path.read_text() if path.exists() else f'"""{docstring}"""\n'
    if re.search(rf"^(async )?(def|class) {name}\b", text, re.MULTILINE):
        return []
    missing = [line for line in imports if f"{line}\n" not in text]
    end = text.index('"""', 3) + 3
    head, rest = text[:end], text[end:].strip("\n")
    path.write_text("\n".join([head, "", *missing, rest, "", "", snippet.strip("\n"), ""]))
    return [path]


def _model(row: Row) -> list[Path]:
    if not row.has_content or _defining_module(row):
        return []
    snippet = f'''
@dataclass
class {row.schema}:
    """A {row.noun.replace("_", " ")}."""

    id: str
    name: str
    created_at: datetime
    revision: int = 1
'''
    imports = ["from dataclasses import dataclass", "from datetime import datetime"]
    path = Path("domain/model") / f"{row.noun}.py"
    return append(path, f"The model of a {row.noun.replace('_', ' ')}.", imports, row.schema, snippet)


def _defining_module(row: Row) -> str | None:
    """Return the module of the rules that defines the class of the resource."""
    for path in sorted(Path("domain").rglob("*.py")):
        if f"\nclass {row.schema}:" in path.read_text():
            return ".".join(path.with_suffix("").parts)
    return None


def _model_import(row: Row) -> str:
    return f"from {_defining_module(row)} import {row.schema}"


def _rule(row: Row) -> list[Path]:
    """Write the rule and its inputs: into the tag's module, or into a module of its own in the tag's package."""
    package = Path("domain") / row.tag
    path = package / f"{row.operation_id}.py" if package.is_dir() else package.with_suffix(".py")
    docstring = f"The rule `{row.operation_id}`." if package.is_dir() else f"The rules of the tag `{row.tag}`."
    imports, written = [*_PORTS, *_result_imports(row)], []
    for name, snippet in _inputs(row).items():
        typing = "from typing import Literal, TypedDict, Unpack" if row.is_list else "from typing import TypedDict"
        written += append(path, docstring, [typing], name, snippet)
    written += append(path, docstring, imports, row.operation_id, _rule_text(row))
    if package.is_dir() and written:
        written += _export(package / "__init__.py", row)
    return list(dict.fromkeys(written))


def _result(row: Row) -> str:
    if row.is_list:
        return f"Page[{row.schema}]"
    return {"202": "Operation", "204": "None", "302": "str"}.get(row.success, row.schema)


def _result_imports(row: Row) -> list[str]:
    page = ["from domain.ports.repository import Page"] if row.is_list else []
    model = [_model_import(row)] if row.has_content else []
    return [*page, *model, *(["from domain.model.operation import Operation"] if row.success == "202" else [])]


def _inputs(row: Row) -> dict[str, str]:
    if row.is_list:
        name = f"{pascal_case(row.operation_id)}Parameters"
        fields = ["page: int", "per_page: int", 'order: Literal["asc", "desc"]', 'sort: Literal["name", "created_at"]']
        return {name: _typed_dict(name, ", total=False", f"The query parameters of `{row.operation_id}`.", fields)}
    if row.body:
        total = ", total=False" if row.method == "PATCH" else ""
        return {row.body: _typed_dict(row.body, total, f"The body of `{row.operation_id}`.", ["name: str"])}
    return {}


def _typed_dict(name: str, total: str, docstring: str, fields: list[str]) -> str:
    return "\n".join(
        [f"class {name}(TypedDict{total}):", f'    """{docstring}"""', "", *(f"    {field}" for field in fields)]
    )


def _arguments(row: Row, prefix: str) -> list[str]:
    """Return the parameters of the handler (with a prefix for the names of the rule's module) or of the rule."""
    parameters = f"**parameters: Unpack[{prefix}{pascal_case(row.operation_id)}Parameters]"
    return [
        "ports: Ports",
        "caller: Caller | None" if row.is_public else "caller: Caller",
        *(f"{name}: str" for name in row.path_parameters),
        *([f"body: {prefix}{row.body}"] if row.body else []),
        *(["if_match: str | None = None"] if row.method in ("PUT", "PATCH", "DELETE") else []),
        *([parameters] if row.is_list else []),
    ]


def _rule_text(row: Row) -> str:
    return f'''
def {row.operation_id}({", ".join(_arguments(row, ""))}) -> {_result(row)}:
    """{row.title}."""
    raise NotImplementedError("Write the rule {row.operation_id}; tests/handlers/test_{row.tag}.py says what follows")
'''


def _export(path: Path, row: Row) -> list[Path]:
    text = path.read_text()
    names = ", ".join([row.operation_id, *_inputs(row)])
    end = text.index('"""', 3) + 3
    line = f"from domain.{row.tag}.{row.operation_id} import {names}"
    text = f"{text[:end]}\n\n{line}\n{text[end:].lstrip()}"
    listed = "".join(f'    "{name}",\n' for name in names.split(", "))
    path.write_text(text.replace("__all__ = [\n", f"__all__ = [\n{listed}", 1))
    return [path]


def _serializer(row: Row) -> list[Path]:
    known = Path("handlers/serializers").glob("*.py")
    if not row.has_content or any(f"def {row.noun}(" in path.read_text() for path in known):
        return []
    snippet = f"""
def {row.noun}(resource: {row.schema}) -> Json:
    return {{"id": resource.id, "name": resource.name, "created_at": timestamp(resource.created_at)}}
"""
    imports = [_model_import(row), "from handlers.serializers.values import Json, timestamp"]
    path = Path("handlers/serializers") / f"{row.tag}.py"
    return append(path, f"The JSON of the tag `{row.tag}`.", imports, row.noun, snippet)


def _handler(row: Row) -> list[Path]:
    given = ["ports", "caller", *row.path_parameters, *(["body"] if row.body else [])]
    given += ["if_match=if_match"] if "if_match: str | None = None" in _arguments(row, "") else []
    given += ["**parameters"] if row.is_list else []
    call = f"{row.tag}.{row.operation_id}({', '.join(given)})"
    snippet = f'''
def {row.operation_id}({", ".join(_arguments(row, f"{row.tag}."))}) -> Answer:
    """{row.method} {row.path}"""
{_answer(row, call)}
'''
    imports = [
        *_PORTS,
        f"from domain import {row.tag}",
        "from handlers.openapi31 import Answer",
        *(["from handlers import answers"] if row.success != "302" else []),
        *([f"from handlers.serializers import {row.tag} as serialize"] if row.has_content else []),
        *(["from typing import Unpack"] if row.is_list else []),
    ]
    if row.success == "202":
        imports.append("from handlers.serializers.operations import operation as serialize_operation")
    path = Path("handlers") / f"{row.tag}.py"
    return append(path, f"Handlers of the tag `{row.tag}`.", imports, row.operation_id, snippet)


def _answer(row: Row, call: str) -> str:
    if row.success == "204":
        return f"    {call}\n    return answers.no_content()"
    if row.success == "302":
        return f'    return Answer(302, None, {{"Location": {call}}})'
    if row.success == "202":
        return f"    return answers.accepted({call}, serialize_operation)"
    name = "page" if row.is_list else "created" if row.success == "201" else "ok"
    return f"    return answers.{name}({call}, serialize.{row.noun})"


def _layers(row: Row) -> list[Path]:
    """Add a new tag to the layers of the import contracts, beside `templates`."""
    path = Path("setup.cfg")
    before = path.read_text()
    lines = before.splitlines()
    for at, line in enumerate(lines):
        names = [name.strip() for name in line.split("|")]
        if line.startswith("    ") and "templates" in names and row.tag not in names:
            lines[at] = f"{line} | {row.tag}" if not _has_layer(lines, at, row.tag) else line
    after = "\n".join(lines) + "\n"
    path.write_text(after)
    return [path] if after != before else []


def _has_layer(lines: list[str], at: int, tag: str) -> bool:
    """Return whether another layer of the same contract names the tag."""
    begin = max(index for index in range(at) if lines[index] == "layers =")
    end = next((index for index in range(at, len(lines)) if not lines[index].startswith("    ")), len(lines))
    return any(tag in [name.strip() for name in line.split("|")] for line in lines[begin:end])
