"""What a service names of the same text: the services it waits for and the networks it joins."""

from dataclasses import dataclass
from typing import cast

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, quote
from domain.compose.refusals import DEPENDENCY, refuse
from domain.compose.scalars import choice
from domain.compose.values import ListValue, MapValue, Value, as_map, as_scalar
from domain.model.project import Condition

_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


@dataclass(frozen=True, slots=True)
class Named:
    """A name with what the text says about it; `raw` is fit for messages, for a name may come from a variable."""

    name: str
    raw: str
    details: MapValue


def depends_on(value: Value, context: Context) -> dict[str, Condition]:
    """The services to wait for, and until when."""
    return dict(context.findings.attempt_all(lambda named: _dependency(named, context), _named(value, context)))


def _dependency(named: Named, context: Context) -> tuple[str, Condition]:
    if named.name not in context.services:
        message = f"{named.raw} is no service of this text: name one of them, or remove it."
        raise FieldError(Code.UNKNOWN_SERVICE, message, named.details.location)
    refuse(named.details, ("condition",), DEPENDENCY, context.findings)
    condition = named.details.get("condition")
    return named.name, cast("Condition", choice(condition, _CONDITIONS) if condition else "service_started")


def networks(value: Value, context: Context) -> tuple[str, ...]:
    """The networks to join, each once; the project's own when none is named."""
    found = context.findings.attempt_all(lambda named: _network(named, context), _named(value, context))
    return tuple(dict.fromkeys(found)) or ("default",)


def _network(named: Named, context: Context) -> str:
    if named.name not in context.networks | {"default"}:
        message = f"Declare the network under the top-level `networks`: {named.raw} is not there."
        raise FieldError(Code.UNKNOWN_NETWORK, message, named.details.location)
    if named.details.entries:
        message = "Write only the network's name: services reach each other by their own names."
        raise FieldError(Code.UNSUPPORTED_FIELD, message, named.details.location)
    return named.name


def _named(value: Value, context: Context) -> tuple[Named, ...]:
    """The names of a list, or of a map with what it says about each."""
    if isinstance(value, ListValue):
        return context.findings.attempt_all(_item, value.items)
    return context.findings.attempt_all(_entry, tuple(as_map(value).entries.items()))


def _item(value: Value) -> Named:
    found = as_scalar(value)
    return Named(found.text, quote(found.raw), MapValue(found.location, {}))


def _entry(entry: tuple[str, Value]) -> Named:
    name, value = entry
    return Named(name, quote(name), as_map(value))
