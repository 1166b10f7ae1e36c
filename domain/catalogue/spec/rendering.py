"""References `${NAME}` in the compose text of a template: find them, and replace them by values."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from domain.compose import yaml_tree

REFERENCE = re.compile(r"\$\$|\$\{([A-Z][A-Z0-9_]*)\}")


class Leaf(NamedTuple):
    """A scalar value of the text and the keys that lead to it."""

    path: tuple[str, ...]
    text: str

    @property
    def names(self) -> frozenset[str]:
        """The names of the variables that the value refers to."""
        return frozenset(match[1] for match in REFERENCE.finditer(self.text) if match[1])


def leaves(node: yaml_tree.Node | None, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Yield every scalar of a tree. Aliased values appear at each alias; top-level `x-…` keys are left out."""
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
    """Return the compose text with values in place of references; everything else and all line numbers stay.

    Values are written as quoted YAML with `$` doubled, so that nothing in them is interpreted.
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
