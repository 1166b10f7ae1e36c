"""Compose's `$VAR` interpolation. It is not recursive: values of variables are not interpolated again."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.compose.findings import Code, quote

LONGEST_VALUE = 64 * 1024
MOST_FILLED = 1024 * 1024
_DEEPEST = 8

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COOLIFY = re.compile(r"SERVICE_(?:FQDN|URL|USER|PASSWORD|BASE64|REALBASE64|HEX|NAME)_")
_OPERATOR = re.compile(r":?[-?+]")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of a filled text; `given` when it is a variable's value and not the author's writing."""

    text: str
    from_variable: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a variable. `operator` is one of `:-`, `-`, `:?`, `?`, `:+`, `+`, or empty."""

    name: str
    operator: str = ""
    operand: "Template" = ()
    raw: str = ""


Template = tuple[str | Reference, ...]


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The result of an interpolation, with messages about variables without a value.

    `unset` variables become empty, as in compose; `required` ones (`${NAME:?}`) are errors.
    """

    fragments: tuple[Fragment, ...]
    unset: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


class TemplateError(Exception):
    """The text cannot be interpolated: the code and message of a finding, and the position of the `$` in the text."""

    def __init__(self, code: Code, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position


def parse(text: str) -> Template:
    """Parse literals and references. A `$` that starts neither a variable nor `$$` is literal. Raise TemplateError."""
    return _Parser(text).template(0)


def names(template: Template) -> Iterator[str]:
    """Return the names of all variables in the template, including those in defaults."""
    for part in template:
        if isinstance(part, Reference):
            yield part.name
            yield from names(part.operand)


class _Parser:
    """A recursive descent parser; one pass from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._dollar = 0

    def template(self, depth: int) -> Template:
        parts: list[str | Reference] = []
        pattern = re.compile(r"[$}]" if depth else r"\$")
        while stop := pattern.search(self._text, self._position):
            parts.append(self._text[self._position : stop.start()])
            self._position = stop.start()
            if stop.group() == "}":
                return tuple(filter(None, parts))
            parts.append(self._reference(depth))
        parts.append(self._text[self._position :])
        self._position = len(self._text)
        return tuple(filter(None, parts))

    def _reference(self, depth: int) -> str | Reference:
        self._dollar = self._position
        self._position += 1
        following = self._text[self._position : self._position + 1]
        if following == "$":
            self._position += 1
            return "$"
        if following == "{":
            self._position += 1
            return self._braced(depth)
        name = _NAME.match(self._text, self._position)
        return Reference(self._name()) if name else "$"

    def _braced(self, depth: int) -> Reference:
        name = self._name()
        operator = _OPERATOR.match(self._text, self._position)
        operand: Template = ()
        start = self._position = operator.end() if operator else self._position
        if operator:
            operand = self._operand(depth)
        raw = self._text[start : self._position]
        if self._text[self._position : self._position + 1] != "}":
            message = (
                f"`${{{name}` is not closed. Write `${{{name}}}` or `${{{name}:-default}}`, or `$$` for a dollar sign."
            )
            raise TemplateError(Code.BAD_INTERPOLATION, message, self._dollar)
        self._position += 1
        return Reference(name, operator.group() if operator else "", operand, raw)

    def _operand(self, depth: int) -> Template:
        if depth >= _DEEPEST:
            raise TemplateError(Code.BAD_INTERPOLATION, f"Nest at most {_DEEPEST} defaults.", self._dollar)
        return self.template(depth + 1)

    def _name(self) -> str:
        match = _NAME.match(self._text, self._position)
        if not match:
            near = quote(self._text[max(0, self._position - 2) : self._position + 10])
            message = f"No variable name follows `$` at {near}. Write `$$` for a literal dollar sign."
            raise TemplateError(Code.BAD_INTERPOLATION, message, self._dollar)
        self._position = match.end()
        return match.group()


class Interpolator:
    """Interpolate texts from variables. Record the names used and limit the total size."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._room = MOST_FILLED
        self.used: set[str] = set()

    def value(self, name: str) -> str | None:
        """Return the value of a variable, or None, and record the name as used."""
        self.used.add(name)
        return self._variables.get(name)

    def all(self) -> Mapping[str, str]:
        """Return all variables, and record them as used."""
        self.used.update(self._variables)
        return self._variables

    def interpolate(self, text: str) -> "Interpolation":
        """Replace the variables of a text. Raise TemplateError for bad syntax or when the total size is exceeded."""
        if "$" not in text:
            return Interpolation((Fragment(text),))
        template = parse(text)
        self.used.update(names(template))
        missing: list[Reference] = []
        fragments: list[Fragment] = []
        for fragment in self._pieces(template, missing):
            self._spend(fragments, fragment)
        required = tuple(_required(reference) for reference in missing if reference.operator)
        unset = dict.fromkeys(_unset(reference.name) for reference in missing if not reference.operator)
        return Interpolation(tuple(fragments), tuple(unset), required)

    def _spend(self, fragments: list[Fragment], fragment: Fragment) -> None:
        self._room -= len(fragment.text)
        if self._room < 0:
            message = f"The interpolated text is too long. The maximum is {MOST_FILLED // 1024} KiB in total."
            raise TemplateError(Code.TOO_LARGE, message)
        fragments.append(fragment)

    def _pieces(self, template: Template, missing: list[Reference]) -> Iterator[Fragment]:
        for part in template:
            if isinstance(part, str):
                yield Fragment(part)
            else:
                yield from self._resolve(part, missing)

    def _resolve(self, reference: Reference, missing: list[Reference]) -> Iterator[Fragment]:
        value = self._variables.get(reference.name)
        is_set = bool(value) if reference.operator.startswith(":") else value is not None
        kind = reference.operator[-1:]
        if kind == "+":
            yield from self._pieces(reference.operand if is_set else (), missing)
        elif is_set:
            yield Fragment(value or "", from_variable=True)
        elif kind == "-":
            yield from self._pieces(reference.operand, missing)
        else:
            missing.append(reference)


def _required(reference: Reference) -> str:
    if reference.raw:
        return f"Set the variable `{reference.name}`: {quote(reference.raw)}."
    return f"Set the variable `{reference.name}`."


def _unset(name: str) -> str:
    if _COOLIFY.match(name):
        return f"`{name}` is empty: Coolify generates it, the panel does not. Set the variable on the service."
    return f"`{name}` is not set, so it is empty. Set the variable, or write a default: `${{{name}:-default}}`."
