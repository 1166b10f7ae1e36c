"""The lengths of modules and functions."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> Iterator[tuple[str, ast.Module, str]]:
    """Yield each module of the folders: its path, its tree and its text."""
    for folder in folders or ("domain", "handlers", "ws"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text()
            yield str(path.relative_to(ROOT)), ast.parse(text), text


def module_lines() -> dict[str, int]:
    """Return module → lines."""
    return {path: len(text.splitlines()) for path, _, text in modules()}


def function_lines() -> dict[str, int]:
    """Return function → lines of its body without its docstring."""
    return {
        f"{path}:{function.lineno} {function.name}": _length(function)
        for path, tree, _ in modules()
        for function in functions(tree)
    }


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield all functions of a module, including methods and inner functions."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def statements(function: Function) -> list[ast.stmt]:
    """Return the body without its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def _length(function: Function) -> int:
    body = statements(function)
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def spread(lengths: dict[str, int]) -> tuple[int, int, int]:
    """Return median, ninth decile and maximum."""
    values = sorted(lengths.values())
    return int(median(values)), int(quantiles(values, n=10)[-1]), values[-1]


def format_spread(lengths: dict[str, int]) -> str:
    """Return the spread as text."""
    middle, high, maximum = spread(lengths)
    return f"median {middle}, p90 {high}, maximum {maximum}"
