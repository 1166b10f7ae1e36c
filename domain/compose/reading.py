"""From text to a tree of YAML nodes with lines: merge keys resolved, duplicates noted, size and depth bounded.

Plain scalars stay the text that was written (`yes`, `22:22`, `0o14`, `1.0` mean themselves): only null is told apart,
and each field decides what it takes. That leaves no room for the guesses that YAML 1.1 makes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from domain.compose.findings import Code, Notes, Place, UnreadableError, shown

MOST_BYTES = 256 * 1024
MOST_DEPTH = 20
MOST_NODES = 10_000
MOST_EXPANDED = 4 * MOST_BYTES
LONGEST_KEY = 128

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})


@dataclass(frozen=True, slots=True)
class Bulk:
    """How much a node is once its aliases are followed."""

    nodes: int = 1
    characters: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value as it was written."""

    line: int
    bulk: Bulk
    text: str
    null: bool
    merges: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; each item with the line at which it stands."""

    line: int
    bulk: Bulk
    items: "tuple[tuple[int, Node], ...]"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map; each entry with the line of its key."""

    line: int
    bulk: Bulk
    entries: "dict[str, tuple[int, Node]]"


Node = Scalar | Sequence | Mapping


def read(text: str, notes: Notes) -> Node | None:
    """The document as a tree; None when the text is empty. Raises UnreadableError where reading has to stop."""
    _measure(text)
    try:
        return _Composer(yaml.parse(text, Loader=_LOADER), notes).document()
    except yaml.YAMLError as error:
        raise _malformed(error, text) from error


def _malformed(error: yaml.YAMLError, text: str) -> UnreadableError:
    """The parser's own words; its mark may stand after the last line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "a character that YAML does not allow"
    line = min(mark.line, text.rstrip("\n").count("\n")) + 1 if mark else 1
    return UnreadableError(Code.NOT_YAML, f"This is not YAML: {problem}.", Place(line))


def _measure(text: str) -> None:
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise UnreadableError(Code.CONTROL_CHARACTER, "Remove the control character in this line.", Place(line))
    try:
        size = len(text.encode()) if len(text) <= MOST_BYTES else len(text)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise UnreadableError(Code.NOT_YAML, "The text holds half a Unicode character.", Place(line)) from error
    if size > MOST_BYTES:
        message = f"The text is {size // 1024} KiB long; write at most {MOST_BYTES // 1024} KiB."
        raise UnreadableError(Code.TOO_LARGE, message, Place(1))


class _Composer:
    """Builds nodes from the events of the YAML parser, and stops as soon as a limit is passed."""

    def __init__(self, events: Iterator[Any], notes: Notes) -> None:
        self._events = events
        self._notes = notes
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
            raise UnreadableError(Code.NOT_YAML, "Write one document: remove this `---`.", self._place(event))
        return node

    def _place(self, event: Any) -> Place:  # noqa: ANN401 - the parser's events have no common typed form
        return Place(event.start_mark.line + 1, tuple(self._path))

    def _node(self, event: Any) -> Node:  # noqa: ANN401
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._begin(event)
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event)
        else:
            node = self._mapping(event)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _begin(self, event: Any) -> None:  # noqa: ANN401
        self._count += 1
        if self._count > MOST_NODES:
            message = f"The text has more than {MOST_NODES} values; split it into several services."
            raise UnreadableError(Code.TOO_LARGE, message, self._place(event))
        if event.tag not in _TAGS:
            message = f"Remove the tag {shown(event.tag)}: the panel takes plain values, lists and maps."
            self._notes.add(Code.TAG_REFUSED, message, self._place(event))
        if event.anchor:
            self._anchors[event.anchor] = None

    def _alias(self, event: Any) -> Node:  # noqa: ANN401
        if event.anchor not in self._anchors:
            message = f"The alias {shown(event.anchor)} repeats nothing: define its anchor above."
            raise UnreadableError(Code.NOT_YAML, message, self._place(event))
        node = self._anchors[event.anchor]
        if node is None:
            message = f"The alias {shown(event.anchor)} stands inside what it repeats: write the value out."
            raise UnreadableError(Code.RECURSIVE_ALIAS, message, self._place(event))
        return node

    def _scalar(self, event: Any) -> Scalar:  # noqa: ANN401
        plain = event.implicit[0]
        bulk = Bulk(characters=len(event.value))
        null = plain and event.value in _NULLS
        return Scalar(event.start_mark.line + 1, bulk, event.value, null, plain and event.value == "<<")

    def _sequence(self, event: Any) -> Sequence:  # noqa: ANN401
        items: list[tuple[int, Node]] = []
        bulk = Bulk(depth=1)
        while not isinstance(child := next(self._events), yaml.SequenceEndEvent):
            item = self._child([str(len(items))], child)
            bulk = self._grow(bulk, item, child)
            items.append((child.start_mark.line + 1, item))
        return Sequence(event.start_mark.line + 1, bulk, tuple(items))

    def _mapping(self, event: Any) -> Mapping:  # noqa: ANN401
        entries: dict[str, tuple[int, Node]] = {}
        merged: list[Node] = []
        bulk = Bulk(depth=1)
        while not isinstance(opening := next(self._events), yaml.MappingEndEvent):
            key = self._child([], opening)
            name = self._name(key, opening, "<<" if merged else None, entries)
            value = self._child([] if name is None else [name], next(self._events))
            bulk = self._grow(self._grow(bulk, key, opening), value, opening)
            if isinstance(key, Scalar) and key.merges:
                merged.append(value)
                self._merge(value, opening)
            elif name is not None:
                entries[name] = (opening.start_mark.line + 1, value)
        return Mapping(event.start_mark.line + 1, bulk, _merged(entries, merged))

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
        if not isinstance(key, Scalar) or key.null or not 0 < len(key.text) <= LONGEST_KEY:
            message = f"A key is one word of at most {LONGEST_KEY} characters."
            self._notes.add(Code.BAD_KEY, message, self._place(event))
            return None
        if key.text in taken or key.text == merge:
            place = self._place(event).within(key.text, event.start_mark.line + 1)
            self._notes.add(Code.DUPLICATE_KEY, f"{shown(key.text)} stands here twice: keep one.", place)
        return key.text

    def _merge(self, value: Node, event: Any) -> None:  # noqa: ANN401
        if not all(isinstance(source, Mapping) for source in _sources(value)):
            message = "`<<` takes a map, an alias of one, or a list of them."
            self._notes.add(Code.WRONG_TYPE, message, self._place(event).within("<<", event.start_mark.line + 1))

    def _grow(self, bulk: Bulk, child: Node, event: Any) -> Bulk:  # noqa: ANN401
        grown = Bulk(
            bulk.nodes + child.bulk.nodes,
            bulk.characters + child.bulk.characters,
            max(bulk.depth, child.bulk.depth + 1),
        )
        if grown.nodes > MOST_NODES or grown.characters > MOST_EXPANDED:
            message = f"With its aliases followed the text is too much: at most {MOST_NODES} values and 1 MiB."
            raise UnreadableError(Code.ALIAS_BOMB, message, self._place(event))
        if grown.depth + self._depth > MOST_DEPTH:
            raise self._too_deep(event)
        return grown

    def _too_deep(self, event: Any) -> UnreadableError:  # noqa: ANN401
        return UnreadableError(Code.TOO_DEEP, f"Nest at most {MOST_DEPTH} maps and lists.", self._place(event))


def _merged(entries: "dict[str, tuple[int, Node]]", merged: list[Node]) -> "dict[str, tuple[int, Node]]":
    """What stands in the map itself wins over what is merged into it, and the earlier over the later."""
    result = dict(entries)
    for source in (source for value in merged for source in _sources(value)):
        if isinstance(source, Mapping):
            for key, entry in source.entries.items():
                result.setdefault(key, entry)
    return result


def _sources(value: Node) -> list[Node]:
    return [item for _, item in value.items] if isinstance(value, Sequence) else [value]
