"""The `healthcheck` of a service."""

from typing import Any

from domain.compose.context import Context
from domain.compose.field_rules import check_fields
from domain.compose.findings import Code, FieldError
from domain.compose.refusals import HEALTHCHECK
from domain.compose.scalars import bad_value, boolean, duration, integer
from domain.compose.values import ListValue, Value, as_map, as_scalar
from domain.model.project import Probe

_MOST_RETRIES = 2**31 - 1
_SHORTEST = 0.001


def read_healthcheck(value: Value, context: Context) -> Probe:
    """Read a healthcheck. Without `test`, the image's own test runs at these times."""
    section = as_map(value)
    readers = {
        "test": _test,
        "interval": _interval,
        "timeout": _interval,
        "retries": lambda part: integer(part, 0, _MOST_RETRIES),
        "start_period": duration,
        "start_interval": _interval,
        "disable": boolean,
    }
    check_fields(section, tuple(readers), HEALTHCHECK, context.findings)
    parts = ((name, read, section.get(name)) for name, read in readers.items())
    read = {name: context.findings.attempt(reader, part) for name, reader, part in parts if part is not None}
    return _probe({name: part for name, part in read.items() if part is not None})


def _probe(fields: dict[str, Any]) -> Probe:
    disabled = fields.pop("disable", False) or fields.get("test", ())[:1] == ("NONE",)
    if disabled:
        return Probe(("NONE",), disabled=True)
    return Probe(**{"test": (), **fields})


def _interval(value: Value) -> float:
    """Read a duration that the engine accepts: 0 (its default), or at least a millisecond."""
    seconds = duration(value)
    if 0 < seconds < _SHORTEST:
        raise bad_value(as_scalar(value), "write at least `1ms`")
    return seconds


def _test(value: Value) -> tuple[str, ...]:
    """Read a test in the engine's form: `CMD` and argv, `CMD-SHELL` and one string, or `NONE`."""
    if not isinstance(value, ListValue):
        return _shell(as_scalar(value).text)
    words = tuple(as_scalar(item).text for item in value.items)
    least = {"CMD": 2, "CMD-SHELL": 2, "NONE": 1}
    if words and len(words) < least.get(words[0], len(words) + 1):
        message = "Start the list with `CMD` and the program, with `CMD-SHELL` and one string, or write `[NONE]`."
        raise FieldError(Code.BAD_VALUE, message, value.location)
    return words[:2] if words[:1] == ("CMD-SHELL",) else words


def _shell(command: str) -> tuple[str, ...]:
    if not command.strip():
        return ()
    return ("NONE",) if command == "NONE" else ("CMD-SHELL", command)
