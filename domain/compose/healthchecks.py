"""The healthcheck of a service."""

from typing import Any

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError
from domain.compose.refusals import HEALTHCHECK, refuse
from domain.compose.scalars import boolean, duration, integer, non_empty_text
from domain.compose.values import ListValue, Value, as_map, as_scalar
from domain.model.project import Probe

_FIELDS = ("test", "interval", "timeout", "retries", "start_period", "disable")
_HOUR = 3600.0


def probe(value: Value, context: Context) -> Probe:
    """What decides whether a container is healthy; without `test`, the image's own check at these times."""
    found = as_map(value)
    findings = context.findings
    refuse(found, _FIELDS, HEALTHCHECK, findings)
    readers = {
        "test": _test,
        "interval": lambda part: duration(part, 0.1, _HOUR),
        "timeout": lambda part: duration(part, 0.1, _HOUR),
        "retries": lambda part: integer(part, 1, 100),
        "start_period": lambda part: duration(part, 0, _HOUR),
        "disable": boolean,
    }
    parts = ((name, read, found.get(name)) for name, read in readers.items())
    read = {name: findings.attempt(reader, part) for name, reader, part in parts if part is not None}
    return _made({name: part for name, part in read.items() if part is not None})


def _made(read: dict[str, Any]) -> Probe:
    disabled = read.pop("disable", False) or read.get("test") == ("NONE",)
    if disabled:
        return Probe(("NONE",), disabled=True)
    return Probe(**{"test": (), **read})


def _test(value: Value) -> tuple[str, ...]:
    """In the engine's form: `CMD` and argv, `CMD-SHELL` and one string, or `NONE`."""
    if not isinstance(value, ListValue):
        return _shell(non_empty_text(value))
    words = tuple(as_scalar(item).text for item in value.items)
    lengths = {"CMD": range(2, len(words) + 1), "CMD-SHELL": (2,), "NONE": (1,)}
    if not words or len(words) not in lengths.get(words[0], ()):
        message = "Begin the list with `CMD` and the program, with `CMD-SHELL` and one string, or write `[NONE]`."
        raise FieldError(Code.BAD_VALUE, message, value.location)
    return words


def _shell(command: str) -> tuple[str, ...]:
    return ("NONE",) if command == "NONE" else ("CMD-SHELL", command)
