"""How long modules and functions of the code are."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> Iterator[tuple[str, ast.Module, str]]:
    """Every module of the folders: its path below the root, its tree and its text."""
    for folder in folders or ("domain", "handlers", "ws"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text()
            yield str(path.relative_to(ROOT)), ast.parse(text), text


def module_lines() -> dict[str, int]:
    """Module → lines."""
    return {path: len(text.splitlines()) for path, _, text in modules()}


def function_lines() -> dict[str, int]:
    """Function → lines of its body, without its docstring."""
    return {f"{path}:{one.lineno} {one.name}": _length(one) for path, tree, _ in modules() for one in functions(tree)}


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function of a module, methods and inner ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def statements(function: Function) -> list[ast.stmt]:
    """The body without its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def _length(function: Function) -> int:
    body = statements(function)
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def spread(lengths: dict[str, int]) -> tuple[int, int, int]:
    """Median, ninth decile and most."""
    values = sorted(lengths.values())
    return int(median(values)), int(quantiles(values, n=10)[-1]), values[-1]


def told(lengths: dict[str, int]) -> str:
    """The spread in words."""
    middle, high, most = spread(lengths)
    return f"median {middle}, p90 {high}, most {most}"
