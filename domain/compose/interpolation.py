"""The `$VAR` grammar of compose, parsed once and filled in once: a value is never looked at for further variables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.compose.findings import Code, shown

LONGEST_VALUE = 64 * 1024
MOST_FILLED = 1024 * 1024
_DEEPEST = 8

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a filled text; `given` when it is a variable's value and not the author's writing."""

    text: str
    given: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """One variable with what the text says about its absence; `operator` is empty when it says nothing."""

    name: str
    operator: str = ""
    operand: "Template" = ()
    written: str = ""


Template = tuple[str | Reference, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """What a template became, and one message for each variable that has no value."""

    pieces: tuple[Piece, ...]
    missing: tuple[str, ...] = ()


class TemplateError(Exception):
    """The text cannot be filled in: a code and a message for a finding."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse(text: str) -> Template:
    """Literals and references; raises TemplateError for a `$` that begins neither."""
    return _Parser(text).template(0)


def names(template: Template) -> Iterator[str]:
    """Every variable that the template refers to, those in defaults included."""
    for part in template:
        if isinstance(part, Reference):
            yield part.name
            yield from names(part.operand)


class _Parser:
    """Reads a text once from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self, depth: int) -> Template:
        parts: list[str | Reference] = []
        pattern = re.compile(r"[$}]" if depth else r"\$")
        while stop := pattern.search(self._text, self._at):
            parts.append(self._text[self._at : stop.start()])
            self._at = stop.start()
            if stop.group() == "}":
                return tuple(filter(None, parts))
            parts.append(self._dollar(depth))
        parts.append(self._text[self._at :])
        self._at = len(self._text)
        return tuple(filter(None, parts))

    def _dollar(self, depth: int) -> str | Reference:
        self._at += 1
        following = self._text[self._at : self._at + 1]
        if following == "$":
            self._at += 1
            return "$"
        if following == "{":
            self._at += 1
            return self._braced(depth)
        return Reference(self._name())

    def _braced(self, depth: int) -> Reference:
        name = self._name()
        operator = _OPERATOR.match(self._text, self._at)
        operand: Template = ()
        start = self._at = operator.end() if operator else self._at
        if operator:
            operand = self._operand(depth)
        written = self._text[start : self._at]
        if self._text[self._at : self._at + 1] != "}":
            message = f"`${{{name}` is not closed: write `${{{name}}}` or `${{{name}:-default}}`, or `$$` for a dollar."
            raise TemplateError(Code.BAD_INTERPOLATION, message)
        self._at += 1
        return Reference(name, operator.group() if operator else "", operand, written)

    def _operand(self, depth: int) -> Template:
        if depth >= _DEEPEST:
            raise TemplateError(Code.BAD_INTERPOLATION, f"Nest at most {_DEEPEST} defaults.")
        return self.template(depth + 1)

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if not found:
            near = shown(self._text[max(0, self._at - 2) : self._at + 10])
            raise TemplateError(Code.BAD_INTERPOLATION, f"No variable begins at {near}: write `$$` for a dollar.")
        self._at = found.end()
        return found.group()


class Filler:
    """Fills templates from the variables, remembers which were named, and keeps the whole within a size."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._room = MOST_FILLED
        self.used: set[str] = set()

    def value(self, name: str) -> str | None:
        """The variable's own value, for what takes it by name alone."""
        self.used.add(name)
        return self._variables.get(name)

    def fill(self, text: str) -> "Filled":
        """The text with its variables; raises TemplateError when it is no template or grows too long."""
        if "$" not in text:
            return Filled((Piece(text),))
        template = parse(text)
        self.used.update(names(template))
        missing: list[Reference] = []
        pieces: list[Piece] = []
        for piece in self._pieces(template, missing):
            self._spend(pieces, piece)
        return Filled(tuple(pieces), tuple(_missing(reference) for reference in missing))

    def _spend(self, pieces: list[Piece], piece: Piece) -> None:
        self._room -= len(piece.text)
        if self._room < 0:
            message = f"With its variables the text is too long: at most {MOST_FILLED // 1024} KiB in all."
            raise TemplateError(Code.TOO_LARGE, message)
        pieces.append(piece)

    def _pieces(self, template: Template, missing: list[Reference]) -> Iterator[Piece]:
        for part in template:
            if isinstance(part, str):
                yield Piece(part)
            else:
                yield from self._referred(part, missing)

    def _referred(self, reference: Reference, missing: list[Reference]) -> Iterator[Piece]:
        value = self._variables.get(reference.name)
        there = bool(value) if reference.operator.startswith(":") else value is not None
        kind = reference.operator[-1:]
        if kind == "+":
            yield from self._pieces(reference.operand if there else (), missing)
        elif there:
            yield Piece(value or "", given=True)
        elif kind == "-":
            yield from self._pieces(reference.operand, missing)
        else:
            missing.append(reference)


def _missing(reference: Reference) -> str:
    if reference.operator and reference.written:
        return f"Set the variable `{reference.name}`: {shown(reference.written)}."
    return f"Set the variable `{reference.name}`, or write a default: `${{{reference.name}:-default}}`."
