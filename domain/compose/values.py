"""The tree that fields are read from: every value knows its place, and its variables are filled in."""

import re
from dataclasses import dataclass

from domain.compose.findings import AlreadyFoundError, Code, FieldError, Notes, Place
from domain.compose.interpolation import LONGEST_VALUE, Filler, Piece, TemplateError
from domain.compose.reading import Mapping, Node, Scalar, Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Text:
    """A single value: as filled in, as written, and in pieces. `broken` when a finding says already what is wrong."""

    place: Place
    text: str
    written: str
    pieces: tuple[Piece, ...] = ()
    null: bool = False
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Fields:
    """A map."""

    place: Place
    entries: "dict[str, Value]"

    def get(self, key: str) -> "Value | None":
        """The entry, or None when it is absent or null."""
        value = self.entries.get(key)
        return None if value is None or is_null(value) else value


Value = Text | Items | Fields


def is_null(value: Value) -> bool:
    """Whether nothing is written here, so that the field counts as absent."""
    return isinstance(value, Text) and value.null


def fields(value: Value) -> Fields:
    """The value as a map; null is an empty one."""
    if is_null(value):
        return Fields(value.place, {})
    if isinstance(value, Fields):
        return value
    raise _wrong(value, "a map (`key: value` lines)")


def items(value: Value) -> tuple[Value, ...]:
    """The value as a list; null is an empty one."""
    if is_null(value):
        return ()
    if isinstance(value, Items):
        return value.items
    raise _wrong(value, "a list (lines that begin with `- `)")


def single(value: Value) -> Text:
    """The value as a single one that is there and can be used."""
    if isinstance(value, Text) and value.broken:
        raise AlreadyFoundError
    if isinstance(value, Text) and not value.null:
        return value
    raise _wrong(value, "a single value")


def _wrong(value: Value, wanted: str) -> FieldError:
    if isinstance(value, Text) and value.broken:
        raise AlreadyFoundError
    return FieldError(Code.WRONG_TYPE, f"Write {wanted} here.", value.place)


def fitting(text: str, place: Place) -> str:
    """The text, when an argument, a label or an environment variable can carry it."""
    if _CONTROL.search(text):
        raise FieldError(Code.CONTROL_CHARACTER, "Remove NUL and other control characters.", place)
    if len(text.encode()) > LONGEST_VALUE:
        raise FieldError(Code.TOO_LONG, f"A value has at most {LONGEST_VALUE // 1024} KiB.", place)
    return text


class Placer:
    """Turns nodes into values. What an alias repeats becomes a value at each place, with that place's pointer."""

    def __init__(self, filler: Filler, notes: Notes) -> None:
        self._filler = filler
        self._notes = notes

    def value(self, node: Node, place: Place) -> Value:
        """The node at this place; entries named `x-…` are the author's own and are left out."""
        if isinstance(node, Scalar):
            return self._text(node, place)
        if isinstance(node, Sequence):
            steps = enumerate(node.items)
            return Items(place, tuple(self.value(item, place.within(step, line)) for step, (line, item) in steps))
        return Fields(place, self._entries(node, place))

    def _entries(self, node: Mapping, place: Place) -> dict[str, Value]:
        return {
            key: self.value(child, place.within(key, line))
            for key, (line, child) in node.entries.items()
            if not (key.startswith("x-") and _extensible(place.path))
        }

    def _text(self, node: Scalar, place: Place) -> Text:
        try:
            filled = self._filler.fill(node.text)
        except TemplateError as error:
            self._notes.add(error.code, error.message, place)
            return Text(place, "", node.text, broken=True)
        for message in filled.missing:
            self._notes.add(Code.MISSING_VARIABLE, message, place)
        text = "".join(piece.text for piece in filled.pieces)
        fit = self._notes.attempt(lambda found: fitting(found, place), text)
        return Text(place, text, node.text, filled.pieces, node.null, bool(filled.missing) or fit is None)


def _extensible(path: tuple[str, ...]) -> bool:
    """Whether `x-…` is an extension here, and not the name of a service, a network or a variable."""
    return len(path) in (0, 2) or path[2:3] in (("deploy",), ("healthcheck",))
