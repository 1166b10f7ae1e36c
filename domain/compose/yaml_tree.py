"""Parse YAML into a tree of nodes with lines. Merge keys are resolved, duplicates reported, size and depth limited.

Plain scalars keep the text as written (`yes`, `22:22`, `0o14`, `1.0`); only null is recognised. Each field decides
which values it accepts, so the implicit types of YAML 1.1 play no role.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from domain.compose.findings import Code, FindingCollector, Location, UnreadableTextError, quote

MOST_BYTES = 256 * 1024
MOST_DEPTH = 20
MOST_NODES = 10_000
MOST_EXPANDED = 4 * MOST_BYTES
LONGEST_KEY = 256

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_CORE = "tag:yaml.org,2002:"
_MERGE = _CORE + "merge"
_TAGS = frozenset({None, "!", _MERGE, *(_CORE + kind for kind in ("str", "seq", "map", "int", "float", "bool"))})


@dataclass(frozen=True, slots=True)
class NodeSize:
    """The size of a node after its aliases are expanded."""

    nodes: int = 1
    characters: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A scalar as written. `literal`: it is a block of lines, which begins below `|`."""

    line: int
    size: NodeSize
    text: str
    null: bool
    merges: bool = False
    plain: bool = False
    literal: bool = False

    def line_of(self, position: int) -> int:
        """Return the line of a position in a literal text."""
        return self.line + 1 + self.text.count("\n", 0, position)


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list; each item with its line."""

    line: int
    size: NodeSize
    items: "tuple[tuple[int, Node], ...]"


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A map; each entry with the line of its key."""

    line: int
    size: NodeSize
    entries: "dict[str, tuple[int, Node]]"


Node = ScalarNode | SequenceNode | MappingNode


def parse(text: str, findings: FindingCollector) -> Node | None:
    """Return the document as a tree, or None if it is empty. Raise UnreadableTextError where reading has to stop."""
    _measure(text)
    try:
        return _Composer(yaml.parse(text, Loader=_LOADER), findings).document()
    except yaml.YAMLError as error:
        raise _malformed(error, text) from error


def _malformed(error: yaml.YAMLError, text: str) -> UnreadableTextError:
    """Return the YAML parser's message. Its mark may be after the last line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "a character that YAML does not allow"
    line = min(mark.line, text.rstrip("\n").count("\n")) + 1 if mark else 1
    return UnreadableTextError(Code.NOT_YAML, f"This is not YAML: {problem}.", Location(line))


def _measure(text: str) -> None:
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise UnreadableTextError(Code.CONTROL_CHARACTER, "Remove the control character in this line.", Location(line))
    try:
        size = len(text.encode()) if len(text) <= MOST_BYTES else len(text)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise UnreadableTextError(
            Code.NOT_YAML, "The text contains half of a Unicode surrogate pair.", Location(line)
        ) from error
    if size > MOST_BYTES:
        message = f"The text is {size // 1024} KiB long. The maximum is {MOST_BYTES // 1024} KiB."
        raise UnreadableTextError(Code.TOO_LARGE, message, Location(1))


class _Composer:
    """Build nodes from the parser's events. Stop as soon as a limit is exceeded."""

    def __init__(self, events: Iterator[Any], findings: FindingCollector) -> None:
        self._events = events
        self._findings = findings
        self._path: list[str] = []
        self._anchors: dict[str, Node | None] = {}
        self._count = 0
        self._depth = 0

    def document(self) -> Node | None:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        node = self._node(next(self._events))
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise UnreadableTextError(
                Code.NOT_YAML, "The text contains several documents. Remove this `---`.", self._location(event)
            )
        return node

    def _location(self, event: Any) -> Location:  # noqa: ANN401 - the parser's events have no common typed form
        return Location(event.start_mark.line + 1, tuple(self._path))

    def _node(self, event: Any) -> Node:  # noqa: ANN401
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._register(event)
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event)
        else:
            node = self._mapping(event)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _register(self, event: Any) -> None:  # noqa: ANN401
        self._count += 1
        if self._count > MOST_NODES:
            message = f"The text has more than {MOST_NODES} values; split it into several services."
            raise UnreadableTextError(Code.TOO_LARGE, message, self._location(event))
        if event.tag not in _TAGS:
            message = f"Remove the tag {quote(event.tag)}: the panel accepts plain values, lists and maps."
            self._findings.add(Code.TAG_REFUSED, message, self._location(event))
        if event.anchor:
            self._anchors[event.anchor] = None

    def _alias(self, event: Any) -> Node:  # noqa: ANN401
        if event.anchor not in self._anchors:
            message = f"The alias {quote(event.anchor)} has no anchor. Define the anchor above it."
            raise UnreadableTextError(Code.NOT_YAML, message, self._location(event))
        node = self._anchors[event.anchor]
        if node is None:
            message = f"The alias {quote(event.anchor)} refers to a value that contains it. Write the value out."
            raise UnreadableTextError(Code.RECURSIVE_ALIAS, message, self._location(event))
        return node

    def _scalar(self, event: Any) -> ScalarNode:  # noqa: ANN401
        plain = event.implicit[0]
        size = NodeSize(characters=len(event.value))
        null = plain and event.value in _NULLS
        merges = event.value == "<<" and (plain or event.tag == _MERGE)
        return ScalarNode(event.start_mark.line + 1, size, event.value, null, merges, plain, event.style == "|")

    def _sequence(self, event: Any) -> SequenceNode:  # noqa: ANN401
        items: list[tuple[int, Node]] = []
        size = NodeSize(depth=1)
        while not isinstance(child := next(self._events), yaml.SequenceEndEvent):
            item = self._child([str(len(items))], child)
            size = self._add_size(size, item, child)
            items.append((child.start_mark.line + 1, item))
        return SequenceNode(event.start_mark.line + 1, size, tuple(items))

    def _mapping(self, event: Any) -> MappingNode:  # noqa: ANN401
        entries: dict[str, tuple[int, Node]] = {}
        merged: list[Node] = []
        size = NodeSize(depth=1)
        while not isinstance(opening := next(self._events), yaml.MappingEndEvent):
            key = self._child([], opening)
            name = self._name(key, opening, "<<" if merged else None, entries)
            value = self._child([] if name is None else [name], next(self._events))
            size = self._add_size(self._add_size(size, key, opening), value, opening)
            if isinstance(key, ScalarNode) and key.merges:
                merged.append(value)
                self._merge(value, opening)
            elif name is not None:
                entries[name] = (opening.start_mark.line + 1, value)
        return MappingNode(event.start_mark.line + 1, size, _merged(entries, merged))

    def _child(self, step: list[str], event: Any) -> Node:  # noqa: ANN401
        if self._depth >= MOST_DEPTH:
            raise self._too_deep(event)
        before, self._path = self._path, self._path + step
        self._depth += 1
        node = self._node(event)
        self._depth -= 1
        self._path = before
        return node

    def _name(self, key: Node, event: Any, merge: str | None, taken: dict[str, Any]) -> str | None:  # noqa: ANN401
        if not isinstance(key, ScalarNode) or key.null or not 0 < len(key.text) <= LONGEST_KEY:
            message = f"A key is a string of 1 to {LONGEST_KEY} characters."
            self._findings.add(Code.BAD_KEY, message, self._location(event))
            return None
        if key.text in taken or key.text == merge:
            location = self._location(event).child(key.text, event.start_mark.line + 1)
            self._findings.add(Code.DUPLICATE_KEY, f"{quote(key.text)} is defined twice. Keep one.", location)
        return key.text

    def _merge(self, value: Node, event: Any) -> None:  # noqa: ANN401
        if not all(isinstance(source, MappingNode) for source in _sources(value)):
            message = "`<<` accepts a map, an alias of a map, or a list of them."
            self._findings.add(Code.WRONG_TYPE, message, self._location(event).child("<<", event.start_mark.line + 1))

    def _add_size(self, size: NodeSize, child: Node, event: Any) -> NodeSize:  # noqa: ANN401
        total = NodeSize(
            size.nodes + child.size.nodes,
            size.characters + child.size.characters,
            max(size.depth, child.size.depth + 1),
        )
        if total.nodes > MOST_NODES or total.characters > MOST_EXPANDED:
            message = f"With its aliases expanded the text is too large. The maximum is {MOST_NODES} values and 1 MiB."
            raise UnreadableTextError(Code.ALIAS_BOMB, message, self._location(event))
        if total.depth + self._depth > MOST_DEPTH:
            raise self._too_deep(event)
        return total

    def _too_deep(self, event: Any) -> UnreadableTextError:  # noqa: ANN401
        return UnreadableTextError(
            Code.TOO_DEEP,
            f"Maps and lists are nested too deeply. The maximum is {MOST_DEPTH} levels.",
            self._location(event),
        )


def _merged(entries: "dict[str, tuple[int, Node]]", merged: list[Node]) -> "dict[str, tuple[int, Node]]":
    """Merge maps: own entries win over merged ones, earlier merges over later ones."""
    result = dict(entries)
    for source in (source for value in merged for source in _sources(value)):
        if isinstance(source, MappingNode):
            for key, entry in source.entries.items():
                result.setdefault(key, entry)
    return result


def _sources(value: Node) -> list[Node]:
    return [item for _, item in value.items] if isinstance(value, SequenceNode) else [value]
