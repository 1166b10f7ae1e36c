"""References `${NAME}` in a template's compose text: where they stand, and the text with values in their place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from domain.compose import yaml_tree

REFERENCE = re.compile(r"\$\$|\$\{([A-Z][A-Z0-9_]*)\}")


class Leaf(NamedTuple):
    """A single value of the text; `path` leads to it."""

    path: tuple[str, ...]
    text: str

    @property
    def names(self) -> frozenset[str]:
        """The variables that it refers to."""
        return frozenset(match[1] for match in REFERENCE.finditer(self.text) if match[1])


def leaves(node: yaml_tree.Node | None, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every value of a tree; aliases count where they stand, and not in the `x-…` that they are often taken from."""
    if isinstance(node, yaml_tree.ScalarNode):
        yield Leaf(path, node.text)
    for step, child in _children(node):
        if path or not step.startswith("x-"):
            yield from leaves(child, (*path, step))


def _children(node: yaml_tree.Node | None) -> Iterator[tuple[str, yaml_tree.Node]]:
    if isinstance(node, yaml_tree.SequenceNode):
        yield from ((str(index), item) for index, (_, item) in enumerate(node.items))
    elif isinstance(node, yaml_tree.MappingNode):
        yield from ((key, value) for key, (_, value) in node.entries.items())


def render(text: str, values: Mapping[str, str]) -> str:
    """The compose text with these values written out as quoted YAML, each at its own line; all else stays as it is.

    A value is written so that it means itself: its `$` become `$$`, and nothing in it is read as YAML.
    """
    done = 0
    parts = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent) and (filled := _fill(event.value, values)) != event.value:
            start, end = _span(event)
            parts += [text[done:start], _quoted(event, filled), "\n" * text.count("\n", start, end)]
            done = end
    return "".join([*parts, text[done:]])


def _span(event: Any) -> tuple[int, int]:  # noqa: ANN401 - the parser sets marks that its types call optional
    return event.start_mark.index, event.end_mark.index


def _fill(text: str, values: Mapping[str, str]) -> str:
    return REFERENCE.sub(lambda match: _escaped(values.get(match[1]), match[0]), text)


def _escaped(value: str | None, written: str) -> str:
    return written if value is None else value.replace("$", "$$")


def _quoted(event: yaml.ScalarEvent, text: str) -> str:
    quoted = yaml.safe_dump(text, default_style='"', width=float("inf"), allow_unicode=True).rstrip("\n")
    return f"&{event.anchor} {quoted}" if event.anchor else quoted
